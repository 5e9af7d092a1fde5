/**
 * Brings what was made of pictures into the order in which they are shown, which may be another than that of their packets.
 * @template T
 */
export class ShownOrder {
  constructor() {
    /** @type {Map<number, T | null>} */
    this.waiting = new Map(); // by place
    this.place = 0; // of the next one
  }

  /**
   * What can be shown with the next of them, in order.
   * @param {number} place how many pictures the decoder gave out before it
   * @param {T | null} item nothing where it is not to be shown
   * @returns {T[]}
   */
  put(place, item) {
    const shown = [];
    this.waiting.set(place, item);
    for (let next; (next = this.waiting.get(this.place)) !== undefined; this.place++) {
      this.waiting.delete(this.place);
      if (next) shown.push(next);
    }
    return shown;
  }
}
