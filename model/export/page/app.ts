/**
 * The program of an exported page: in the page it shows and asks, in the page's worker it computes.
 *
 * @module
 */

import { sameGrid } from "../../../data/grid_check.ts";
import { percentiles } from "../../../data/normalise.ts";
import { Planes } from "./planes.ts";
import type { Dropped, PageCase } from "./segment.ts";
import { type Answer, type Order, serve } from "./worker.ts";
import { hasModality } from "./modality_in_name.ts";

/** What the page knows of its networks before they are opened; `description` in the page. */
export interface Description {
  /** Modalities, in the networks' order. */
  readonly modalities: readonly string[];
  /** Names of the foreground classes. */
  readonly classes: readonly string[];
}

/** Label colours of Okabe and Ito (2008), as in the pictures of `predict --overlays`. */
const colours = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0]]
  .concat([[204, 121, 167]]) as [number, number, number][];

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64.trim()), bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

function checkpoints(): Map<string, Uint8Array> {
  const stored = document.querySelectorAll<HTMLElement>("script.checkpoint");
  return new Map([...stored].map(({ dataset, textContent }) => [dataset.name!, bytesOf(textContent!)]));
}

/** A new thread that runs this same program. */
function startWorker(): Worker {
  const program = new Blob([element("program").textContent!], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(program));
}

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  return await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

class Page {
  readonly #description: Description = JSON.parse(element("description").textContent!);
  readonly #files = new Map<string, Dropped>();
  readonly #planes = new Planes(element("planes"), colours);
  #result: PageCase | undefined;
  #worker: Worker | undefined;

  constructor() {
    const { modalities, classes } = this.#description;
    for (const modality of modalities) this.#addRow(modality);
    element("key").append(...classes.map((name, at) => {
      const item = document.createElement("span"), patch = document.createElement("i");
      patch.style.background = `rgb(${colours[at % colours.length]!.join()})`;
      item.append(patch, name);
      return item;
    }));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take([...event.dataTransfer?.files ?? []]);
    });
    element("run").addEventListener("click", () => this.#run());
    element("stop").addEventListener("click", () => this.#stop("stopped"));
    element("save").addEventListener("click", () => this.#save());
    for (const id of ["scan", "shown", "opacity", "low", "high"]) {
      element(id).addEventListener("input", () => this.#draw(id === "scan"));
    }
  }

  #addRow(modality: string): void {
    const row = document.createElement("label"), input = document.createElement("input");
    const channel = document.createElement("input");
    input.type = "file";
    input.dataset.modality = modality;
    input.addEventListener("change", () => input.files?.[0] && this.#give(modality, input.files[0]));
    channel.type = "number";
    channel.min = "0";
    channel.placeholder = "volume";
    channel.title = "which volume of a 4-D file, from 0";
    channel.dataset.channel = modality;
    row.append(modality, input, channel);
    element("files").append(row);
  }

  /** Files go to the modality whose id is a word of their name, else to the first without one. */
  #take(files: readonly File[]): void {
    const { modalities } = this.#description;
    for (const file of files) {
      const named = modalities.filter((id) =>
        hasModality(file.name, id)
      ).sort((a, b) => b.length - a.length)[0];
      const free = modalities.find((id) => !this.#files.has(id));
      const modality = named ?? free ?? modalities[0]!, chosen = new DataTransfer();
      chosen.items.add(file);
      document.querySelector<HTMLInputElement>(`input[data-modality="${CSS.escape(modality)}"]`)!.files =
        chosen.files;
      this.#give(modality, file);
    }
  }

  #give(modality: string, file: File): void {
    this.#files.set(modality, { name: file.name, content: file });
    element<HTMLButtonElement>("run").disabled = false;
  }

  #run(): void {
    this.#stop("starting");
    const files = new Map([...this.#files].map(([id, file]) => {
      const box = document.querySelector<HTMLInputElement>(`input[data-channel="${CSS.escape(id)}"]`)!;
      return [id, box.value === "" ? file : { ...file, channel: Number(box.value) }];
    }));
    const order: Order = {
      checkpoints: checkpoints(),
      files,
      device: element<HTMLSelectElement>("device").value as Order["device"],
      mirror: element<HTMLInputElement>("mirror").checked,
    };
    const worker = this.#worker = startWorker();
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
    worker.onerror = ({ message }) => this.#fail(`the page's program failed: ${message}`);
    element<HTMLButtonElement>("stop").disabled = false;
    worker.postMessage(order);
  }

  #stop(why: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    element<HTMLButtonElement>("stop").disabled = true;
    this.#say(why);
  }

  #say(text: string, state = "busy"): void {
    const status = element("status");
    status.textContent = text;
    status.dataset.state = state;
  }

  #fail(message: string): void {
    this.#stop("");
    this.#say(message, "failed");
  }

  #hear(answer: Answer): void {
    if (answer.kind === "device") element("where").textContent = answer.description;
    else if (answer.kind === "progress") this.#say(`segmenting: ${Math.round(100 * answer.share)} %`);
    else if (answer.kind === "failed") {
      this.#fail(`error[${answer.code}]: ${answer.message}${answer.fix ? ` ${answer.fix}` : ""}`);
    } else {
      this.#stop("");
      this.#say([`done in ${answer.seconds.toFixed(1)} s`, ...answer.result.warnings].join("; "), "done");
      this.#open(answer.result);
    }
  }

  #open(result: PageCase): void {
    this.#result = result;
    const options = (id: string, names: readonly string[]) =>
      element(id).replaceChildren(...names.map((name, at) => new Option(name, String(at))));
    options("shown", result.results.map(({ modality }) => modality ?? "all scans together"));
    options("scan", [...result.scans.keys()]);
    element<HTMLSelectElement>("scan").value = String(
      [...result.scans.keys()].indexOf(result.results[0]!.on),
    );
    element("viewer").hidden = false;
    this.#draw(true);
  }

  /** @param isNew whether the scan is another one, whose intensities set the window */
  #draw(isNew: boolean): void {
    const { scans, results } = this.#result!;
    const [low, high] = [element<HTMLInputElement>("low"), element<HTMLInputElement>("high")];
    const scan = [...scans.values()][Number(element<HTMLSelectElement>("scan").value)]!;
    const { labels } = results[Number(element<HTMLSelectElement>("shown").value)]!;
    if (isNew) {
      [low.value, high.value] = percentiles(scan.data, [1, 99]).map((value) => value.toPrecision(4)) as [
        string,
        string,
      ];
    }
    this.#planes.show({
      scan,
      // Scans that share one space may still have grids of their own.
      labels: sameGrid(labels, scan) ? labels : undefined,
      window: [Number(low.value), Number(high.value)],
      opacity: Number(element<HTMLInputElement>("opacity").value),
    });
  }

  async #save(): Promise<void> {
    const { name, nifti } = this.#result!.results[Number(element<HTMLSelectElement>("shown").value)]!;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await gzipped(nifti));
    link.download = element("save").dataset.name = `${name}.gz`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser still reads it
  }
}

if (typeof document === "undefined") serve();
else new Page();
