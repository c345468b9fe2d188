// Where boards reach this server, as far as the page can tell: the way by which the reader came, or what the server
// says of itself; "" when that is this very computer. No I/O.
import { isLoopback } from "../kinds";

export function addressFor(
  here: { protocol: string; hostname: string; port: string },
  baseUrl: string,
): string {
  if (!isLoopback(here.hostname)) {
    // The same port takes plain HTTP, unless it is the one of a proxy.
    if (here.protocol === "https:" && !here.port) return `https://${here.hostname}`;
    return `http://${here.hostname}${here.port ? ":" + here.port : ""}`;
  }
  try {
    const base = new URL(baseUrl);
    return isLoopback(base.hostname) ? "" : base.origin;
  } catch {
    return "";
  }
}
