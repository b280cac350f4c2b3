/**
 * A decoded value takes about so many times its serialized bytes: objects, arrays and texts of a few fields each, as in
 * `accounted-bytes.test.ts`. Written ones take 8 to 10 times as much, and those that were read 14, since the arrays of a
 * decoder have room for more than they hold.
 */
export const decodedBytesFactor = 12

/** What a new value is taken for until its commit serializes it. */
export const newValueBytes = 256
