// Builds the front end: bundles scripts and styles, and draws one sprite of the icons that templates name.
//
//   node config/assets/build.mjs [--watch]
//
// Output goes to var/static-build/hotseat, which Django's static files finder serves as `hotseat/…`.

import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

const assets = dirname(fileURLToPath(import.meta.url));
const root = join(assets, "..", "..");
const out = join(root, "var", "static-build", "hotseat");
const watching = process.argv.includes("--watch");

const APPS = ["tenants", "agents", "routing", "reporting", "billing", "config"];
const ICON_TAG = /\{%\s*icon\s+"([a-z0-9-]+)"/g;

async function templatesOf(app) {
  const folder = join(root, app, "templates");
  const names = await readdir(folder, { recursive: true }).catch((error) => {
    if (error.code === "ENOENT") return []; // an app without pages
    throw error;
  });
  return names.filter((name) => name.endsWith(".html")).map((name) => join(folder, name));
}

async function iconNames() {
  const names = new Set();
  for (const app of APPS) {
    for (const path of await templatesOf(app)) {
      const text = await readFile(path, "utf8");
      for (const [, name] of text.matchAll(ICON_TAG)) names.add(name);
    }
  }
  return [...names].sort();
}

async function symbolOf(name) {
  const path = join(root, "node_modules", "bootstrap-icons", "icons", `${name}.svg`);
  const svg = await readFile(path, "utf8").catch(() => {
    throw new Error(`A template names the icon "${name}", which bootstrap-icons does not have.`);
  });
  const viewBox = /viewBox="([^"]+)"/.exec(svg)[1];
  const body = svg.replace(/^[^]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").trim();
  return `<symbol id="${name}" viewBox="${viewBox}">${body}</symbol>`;
}

async function drawSprite() {
  const symbols = await Promise.all((await iconNames()).map(symbolOf));
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
  await writeFile(join(out, "icons.svg"), sprite);
}

const options = {
  absWorkingDir: assets,
  entryPoints: ["js/theme.js", "js/app.js", "js/desk.js", "js/board.js", "js/forms.js", "css/app.css"],
  entryNames: "[name]",
  assetNames: "files/[name]-[hash]",
  outdir: out,
  bundle: true,
  format: "iife",
  target: ["es2021"],
  minify: !watching,
  sourcemap: watching,
  loader: { ".woff2": "file" },
  logLevel: "warning",
};

await mkdir(out, { recursive: true });
await drawSprite();
await cp(join(assets, "img"), out, { recursive: true });
if (watching) {
  await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(options);
}
