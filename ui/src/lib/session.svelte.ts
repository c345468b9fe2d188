import { api, configure, reason, type Role, type Session } from "./api";

const rank: Record<Role, number> = { viewer: 1, operator: 2, owner: 3 };

class SessionState {
  now = $state.raw<Session | null>(null);
  /** Why the first question could not be answered, as a sentence. */
  trouble = $state("");

  constructor() {
    configure({ onSignedOut: () => this.ended() });
  }
  async load(): Promise<void> {
    try {
      this.now = await api.session();
      this.trouble = "";
    } catch (err) {
      this.trouble = reason(err);
    }
  }
  async signOut(): Promise<void> {
    await api.signOut();
    this.ended();
  }
  ended(): void {
    if (this.now?.state === "signed-in") this.now = { state: "signed-out", version: this.now.version };
  }
  may(role: Role): boolean {
    const mine = this.now?.person?.role;
    return mine !== undefined && rank[mine] >= rank[role];
  }
}
export const session = new SessionState();
