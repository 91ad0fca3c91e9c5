// What the user can change; the message says what is wrong, where, and what to do.
export class UserError extends Error {}
