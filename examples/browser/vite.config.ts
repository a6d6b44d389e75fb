/**
 * How the page is bundled and served. The two headers make it cross-origin isolated, which is what lets threads share
 * memory; any server can send them.
 */
import { defineConfig } from "vite";

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  base: "./",
  build: { target: "es2023" },
  server: { headers },
  preview: { headers },
});
