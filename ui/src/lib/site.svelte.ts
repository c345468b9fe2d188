// What this server is called and is for. Known before anybody signs in.
import { api, type Site } from "./api";

const plain: Site = {
  title: "Roost",
  logo: "",
  favicon: "",
  cameraUrl: "",
  mapTiles: "",
  signIn: "people",
  kind: "server",
  mqtt: "",
  mqttsn: "",
  coap: "",
};

class SiteState {
  now = $state.raw<Site>(plain);
  title = $derived(this.now.title || "Roost");
  /** A dashboard apart: things of another broker, nothing to add and nobody to manage. */
  dashboard = $derived(this.now.kind === "dashboard");

  async load(): Promise<void> {
    try {
      this.now = { ...plain, ...(await api.site()) };
    } catch {
      // Names and pictures are a nicety: without them the page is a plain Roost.
    }
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (!icon || !this.now.favicon) return;
    icon.removeAttribute("type");
    icon.href = this.now.favicon;
  }
}
export const site = new SiteState();
