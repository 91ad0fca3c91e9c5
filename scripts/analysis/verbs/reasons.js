// What the system says of a file that cannot be read or written, in words.
const REASONS = { EACCES: "permission denied", EPERM: "permission denied", EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder", ENOENT: "it is missing", ENOSPC: "the disk is full",
  EFBIG: "the disk is full", EROFS: "it cannot be written to", ENAMETOOLONG: "the name is too long",
  ELOOP: "the links go in a circle" };

// What went wrong, in words where there are some.
export function reasonOf({ code }) {
  return REASONS[code] || code;
}
