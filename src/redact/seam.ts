// Where one text of a JSON value ends and the next begins, when all of them are searched as one. It imports nothing.

/** Line breaks around it: what looks for lines finds each text on lines of its own, and no secret goes on over it. */
export const SEAM = "\n\uffff\n";
