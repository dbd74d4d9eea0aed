// Reads text/event-stream as WHATWG HTML ("Server-sent events", interpreting an event stream) says.
// Bytes may be cut anywhere: inside a line, a CRLF, a character.

export class EventStreamParser {
  #decoder = new TextDecoder();  // takes a leading byte order mark away, too
  #take;
  #line = '';
  #skipLf = false;  // the last character was a CR: an LF next belongs to it
  #type = '';
  #data = [];
  #id = '';

  /** `onEvent({type, id, data})`: `id` is the last one so far. `onRetry(ms)`. */
  constructor({ onEvent, onRetry }) {
    this.#take = { onEvent, onRetry };
  }

  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return;
    if (this.#skipLf && text[0] === '\n') text = text.slice(1);
    this.#skipLf = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    for (const line of lines) this.#takeLine(line);
  }

  #takeLine(line) {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return;  // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.#take.onRetry(Number(value));
  }

  #dispatch() {
    const event = { type: this.#type || 'message', id: this.#id, data: this.#data.join('\n') };
    const hasData = this.#data.length > 0;
    this.#type = '';
    this.#data = [];
    if (hasData) this.#take.onEvent(event);
  }
}
