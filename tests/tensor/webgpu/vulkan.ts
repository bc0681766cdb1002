/**
 * Has Deno look for WebGPU adapters through Vulkan alone, on Linux. It also asks Mesa's OpenGL otherwise, whose library
 * (libEGL) now and then ends a process that is crowded out by others with "malloc_consolidate(): invalid chunk size", as
 * it unloads, when all tests have passed: 5 of some 3,800 runs of `faults_test.ts`.
 */

if (Deno.build.os === "linux" && Deno.env.get("DENO_WEBGPU_BACKEND") === undefined) {
  Deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");
}
