// The little of ws that the tests use.
declare module "ws" {
  export class WebSocket {
    constructor(url: string);
    on(event: "message", fn: (data: unknown) => void): void;
    send(text: string): void;
    close(code?: number): void;
    terminate(): void;
  }
  export class WebSocketServer {
    constructor(options: { port: number; host: string });
    on(event: "connection", fn: (ws: WebSocket) => void): void;
    once(event: "listening", fn: () => void): void;
    address(): unknown;
    close(done: () => void): void;
  }
}
