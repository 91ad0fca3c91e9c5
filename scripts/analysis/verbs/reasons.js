// What the system says of a file that cannot be read or written, in words.
const REASONS = { EACCES: "permission denied", EISDIR: "it is a folder", ENOTDIR: "a part of the path is no folder",
  ENOSPC: "the disk is full", EFBIG: "the disk is full", ENAMETOOLONG: "the name is too long", EROFS: "it cannot be written to",
  ENOENT: "it is missing", EPERM: "permission denied", ELOOP: "the links go in a circle" };

// What went wrong, in words where there are some.
export function reasonOf({ code }) {
  return REASONS[code] || code;
}
