// Where other programs are looked for: nothing of the working directory may decide which one runs.
import process from "node:process";

// The environment for a program that is started by its name: of PATH the absolute folders. An empty PATH would
// mean the working directory.
export function environment() {
  const folders = (process.env.PATH || "").split(":").filter((folder) => folder.startsWith("/"));
  return { ...process.env, PATH: folders.join(":") || "/usr/local/bin:/usr/bin:/bin" };
}
