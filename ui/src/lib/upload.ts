// Files that go up; fetch cannot tell how far an upload is.
import { ApiError, sentence } from "./api";

/** Sends a file to a path below /api/v2; `progress` hears how much has gone, 0 to 1. */
export function upload(
  path: string,
  type: string,
  file: Blob,
  progress: (share: number) => void,
): Promise<void> {
  return new Promise((done, fail) => {
    const r = new XMLHttpRequest();
    r.open("POST", "/api/v2" + path);
    r.setRequestHeader("Content-Type", type);
    r.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    r.onerror = () => fail(new ApiError(0, "The connection broke during the upload. Try again."));
    r.onload = () =>
      r.status < 300 ? done() : fail(new ApiError(r.status, refusal(r.responseText, r.status)));
    r.send(file);
  });
}

/** What an answer that was expected to be no JSON says no with. */
export function refusal(text: string, status: number): string {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string };
    if (detail || title) return sentence(detail || title || "");
  } catch {
    // The status alone has to say it.
  }
  return `The server answered ${status}.`;
}
