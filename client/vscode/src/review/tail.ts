import { printable } from "../model/text";

const mostCharacters = 1 << 20;

/** The end of a log as a text that grows: the newest mebibyte, from the beginning of a line. */
export class Tail {
  private text = "";
  private cut = false;
  private readonly decoder = new TextDecoder();

  add(bytes: Uint8Array): void {
    this.text += this.decoder.decode(bytes, { stream: true });
    // Cut rarely, so that a long log costs no more per piece than a short one.
    if (this.text.length > 2 * mostCharacters) {
      this.cut = true;
      const end = this.text.slice(-mostCharacters);
      this.text = end.slice(end.indexOf("\n") + 1);
    }
  }

  toString(): string {
    return (this.cut ? "… the beginning is left out: fanout logs has it\n" : "") + printable(this.text);
  }
}
