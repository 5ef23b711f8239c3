/** For failures that somebody else hears of, and where none may stay unheard by Node. */
export function ignore(): void {}
