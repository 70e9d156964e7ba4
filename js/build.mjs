// Builds both entry points with esbuild: the widget as one self-contained module for anywidget, and the JupyterLab
// extension as one module that the JupyterLab builder then wraps (`npm run build:lab`).
import { rm } from "node:fs/promises";
import { context } from "esbuild";

const watch = process.argv.includes("--watch");

const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".css": "text" },
  logLevel: "info",
};

const widget = {
  ...shared,
  entryPoints: ["src/widget/index.ts"],
  outfile: "../score_nb/static/widget.js",
  minify: !watch,
  legalComments: "none",
  banner: { js: "/* score-nb. Includes Preact (MIT) and jsdiff (BSD-3-Clause). */" },
};

const lab = {
  ...shared,
  entryPoints: ["src/lab/index.ts"],
  outfile: "lib/lab/index.js",
  banner: { js: "/*! score-nb. Includes Preact (MIT) and jsdiff (BSD-3-Clause). */" },
  // What JupyterLab has itself is taken from it at run time.
  external: ["@jupyterlab/*", "@lumino/*"],
};

await rm("lib", { recursive: true, force: true });
const builds = await Promise.all([widget, lab].map(context));
if (watch) {
  await Promise.all(builds.map(build => build.watch()));
} else {
  await Promise.all(builds.map(build => build.rebuild()));
  await Promise.all(builds.map(build => build.dispose()));
}
