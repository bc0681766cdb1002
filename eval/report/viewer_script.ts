/** What the viewer runs in the browser: Canvas 2D only. */
export const viewerScript = `
(() => {
  const { cases, classes, wrong } = JSON.parse(document.getElementById("viewer-data").textContent);
  const pick = (id) => document.getElementById("viewer-" + id);
  const [runBox, modalityBox, modeBox, opacity, level, width] =
    ["run", "modality", "mode", "opacity", "level", "width"].map(pick);
  const canvases = [...document.querySelectorAll("#viewer canvas")];
  // Axis of columns, of rows, and through the slices; what lies left, right, above and below.
  const planes = {
    axial: { axes: [2, 1, 0], ends: ["R", "L", "A", "P"] },
    coronal: { axes: [2, 0, 1], ends: ["R", "L", "S", "I"] },
    sagittal: { axes: [1, 0, 2], ends: ["A", "P", "S", "I"] },
  };
  const shownDice = (dice) => dice === null ? "no Dice" : "Dice " + dice.toFixed(3);

  let of = null, shown = null, at = [0, 0, 0], volumes = null;

  // The bytes of a packed volume; the last few are kept.
  const known = new Map();
  function unpack(text) {
    if (text === null) return null;
    const found = known.get(text) ?? (async () => {
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return new Uint8Array(await new Response(stream).arrayBuffer());
    })();
    known.delete(text);
    known.set(text, found);
    if (known.size > 12) known.delete(known.keys().next().value);
    return found;
  }

  const valueOf = (byte) => shown.image.low + byte / 255 * (shown.image.high - shown.image.low);
  const clamp = (index, axis) => Math.min(shown.shape[axis] - 1, Math.max(0, Math.round(index)));

  function listCases() {
    const run = Number(runBox.value || 0), list = pick("cases");
    const order = [...cases].sort((a, b) => (a.dice[run] ?? 2) - (b.dice[run] ?? 2) || (a.name < b.name ? -1 : 1));
    list.replaceChildren(...order.map((candidate) => {
      const button = document.createElement("button"), dice = document.createElement("small");
      dice.textContent = shownDice(candidate.dice[run] ?? null);
      button.append(candidate.name, dice);
      button.ariaCurrent = String(candidate === of);
      button.addEventListener("click", () => openCase(candidate));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    return order;
  }

  function openCase(next) {
    of = next;
    const before = modalityBox.value;
    modalityBox.replaceChildren(...of.images.map(({ modality }, i) => new Option(modality, i)));
    const same = of.images.findIndex((_, i) => String(i) === before);
    modalityBox.value = Math.max(0, same);
    listCases();
    shown = null;
    openImage();
  }

  async function openImage() {
    const next = of.images[modalityBox.value];
    // The point stays where it is in the body when another image of the case is shown.
    at = shown === null ? [...next.start] : at.map((index, axis) =>
      Math.min(next.shape[axis] - 1, Math.round(index * shown.spacing[axis] / next.spacing[axis])));
    shown = next;
    const { low, high, window: [bottom, top] } = shown.image;
    [level.min, level.max, level.value] = [low, high, (bottom + top) / 2];
    [width.min, width.max, width.value] = [(high - low) / 255, high - low, top - bottom];
    await openLabels();
  }

  async function openLabels() {
    const asked = shown, run = Number(runBox.value || 0);
    const [image, reference, prediction] = await Promise.all(
      [asked.image.data, asked.reference, asked.predictions[run] ?? null].map(unpack));
    if (asked !== shown || run !== Number(runBox.value || 0)) return;
    volumes = { image, reference, prediction };
    draw();
  }

  const blend = (pixels, to, [r, g, b], share) => {
    pixels[to] += share * (r - pixels[to]);
    pixels[to + 1] += share * (g - pixels[to + 1]);
    pixels[to + 2] += share * (b - pixels[to + 2]);
  };

  function slice(plane) {
    const [column, row, through] = planes[plane].axes, { shape } = shown;
    const stride = [shape[1] * shape[2], shape[2], 1], [columns, rows] = [shape[column], shape[row]];
    const picture = new ImageData(columns, rows), { data } = picture;
    const { image, reference, prediction } = volumes, mode = modeBox.value, share = Number(opacity.value);
    const bottom = Number(level.value) - Number(width.value) / 2;
    const greys = Uint8ClampedArray.from({ length: 256 }, (_, byte) =>
      255 * (valueOf(byte) - bottom) / Number(width.value));
    for (let r = 0, to = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++, to += 4) {
        const index = at[through] * stride[through] + (rows - 1 - r) * stride[row] + (columns - 1 - c) * stride[column];
        data[to] = data[to + 1] = data[to + 2] = greys[image[index]];
        data[to + 3] = 255;
        const truth = reference[index], guess = prediction ? prediction[index] : 0;
        if (mode === "errors") {
          if (!prediction || truth === guess) continue;
          blend(data, to, wrong[guess === 0 ? 0 : truth === 0 ? 1 : 2], Math.min(1, share + 0.3));
          continue;
        }
        const filled = mode === "reference" ? truth : mode === "none" ? 0 : guess;
        if (filled > 0) blend(data, to, classes[filled - 1].color, share);
      }
    }
    return picture;
  }

  // The borders of the reference's classes, between voxels.
  function outline(context, plane, w, h) {
    const [column, row, through] = planes[plane].axes, { shape } = shown, { reference } = volumes;
    const stride = [shape[1] * shape[2], shape[2], 1], [columns, rows] = [shape[column], shape[row]];
    const labelAt = (r, c) => r < 0 || c < 0 || r >= rows || c >= columns ? 0 : reference[
      at[through] * stride[through] + (rows - 1 - r) * stride[row] + (columns - 1 - c) * stride[column]];
    context.lineWidth = 2 * devicePixelRatio;
    classes.forEach(({ color }, i) => {
      context.strokeStyle = "rgb(" + color + ")";
      context.beginPath();
      for (let r = 0; r <= rows; r++) {
        for (let c = 0; c <= columns; c++) {
          const here = labelAt(r, c) === i + 1, [x, y] = [c / columns * w, r / rows * h];
          if (here !== (labelAt(r - 1, c) === i + 1)) {
            context.moveTo(x, y);
            context.lineTo((c + 1) / columns * w, y);
          }
          if (here !== (labelAt(r, c - 1) === i + 1)) {
            context.moveTo(x, y);
            context.lineTo(x, (r + 1) / rows * h);
          }
        }
      }
      context.stroke();
    });
  }

  const sheet = document.createElement("canvas");

  function drawPlane(canvas) {
    const plane = canvas.dataset.plane, { axes: [column, row, through], ends } = planes[plane];
    const { shape, spacing } = shown, [columns, rows] = [shape[column], shape[row]];
    const aspect = columns * spacing[column] / (rows * spacing[row]);
    canvas.style.aspectRatio = aspect;
    canvas.style.width = "min(100%, " + 26 * aspect + "rem)";
    const box = canvas.getBoundingClientRect(), scale = devicePixelRatio;
    const [w, h] = [Math.max(1, Math.round(box.width * scale)), Math.max(1, Math.round(box.height * scale))];
    [canvas.width, canvas.height] = [w, h];
    [sheet.width, sheet.height] = [columns, rows];
    sheet.getContext("2d").putImageData(slice(plane), 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(sheet, 0, 0, w, h);
    if (modeBox.value === "both") outline(context, plane, w, h);
    const [x, y] = [(columns - at[column] - 0.5) / columns * w, (rows - at[row] - 0.5) / rows * h];
    context.strokeStyle = "rgba(255, 230, 0, 0.75)";
    context.lineWidth = scale;
    const gap = 7 * scale; // what lies under the point stays visible
    context.beginPath();
    for (const [x0, y0, x1, y1] of [[0, y, x - gap, y], [x + gap, y, w, y], [x, 0, x, y - gap], [x, y + gap, x, h]]) {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    }
    context.stroke();
    context.font = "bold " + 13 * scale + "px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3 * scale;
    const edge = 10 * scale, places = [[edge, h / 2], [w - edge, h / 2], [w / 2, edge], [w / 2, h - edge]];
    ends.forEach((letter, i) => {
      context.strokeStyle = "#000";
      context.strokeText(letter, ...places[i]);
      context.fillStyle = "#fff";
      context.fillText(letter, ...places[i]);
    });
    const slider = document.querySelector("[data-slice=" + plane + "]");
    slider.max = shape[through] - 1;
    slider.value = at[through];
    document.querySelector("[data-place=" + plane + "]").textContent = at[through] + 1 + " of " + shape[through];
  }

  function draw() {
    if (volumes === null) return;
    for (const canvas of canvases) drawPlane(canvas);
    const { shape } = shown, index = (at[0] * shape[1] + at[1]) * shape[2] + at[2], run = Number(runBox.value || 0);
    const name = (labels) => !labels ? "none here" : labels[index] === 0 ? "background" : classes[labels[index] - 1].name;
    const digits = Math.abs(shown.image.high - shown.image.low) > 50 ? 0 : 3;
    pick("info").textContent = of.name + ", " + shown.modality + ", " + shownDice(shown.dice[run] ?? null) +
      "; at the point: value about " + valueOf(volumes.image[index]).toFixed(digits) + ", reference " + name(volumes.reference) +
      ", prediction " + name(volumes.prediction) + ". Level " + Number(level.value).toFixed(digits) +
      ", window " + Number(width.value).toFixed(digits) + ".";
    pick("wrong").hidden = modeBox.value !== "errors";
    pick("classes").hidden = ["errors", "none"].includes(modeBox.value);
  }

  function move(axis, by) {
    at[axis] = clamp(at[axis] + by, axis);
    draw();
  }

  function changeWindow(right, down) {
    const unit = (shown.image.high - shown.image.low) / 300;
    width.value = Number(width.value) + right * unit;
    level.value = Number(level.value) + down * unit;
    draw();
  }

  for (const canvas of canvases) {
    const { axes: [column, row, through] } = planes[canvas.dataset.plane];
    let isWindow = false;
    const point = (event) => {
      if (isWindow) return changeWindow(event.movementX, event.movementY);
      const box = canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      at[column] = clamp(shown.shape[column] * (1 - x) - 0.5, column);
      at[row] = clamp(shown.shape[row] * (1 - y) - 0.5, row);
      draw();
    };
    canvas.addEventListener("pointerdown", (event) => {
      isWindow = event.shiftKey;
      canvas.setPointerCapture(event.pointerId);
      if (!isWindow) point(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) point(event); });
    // The wheel turns slices once a picture was chosen; before, it scrolls the page.
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas) return;
      event.preventDefault();
      move(through, -Math.sign(event.deltaY));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [column, 1], ArrowRight: [column, -1], ArrowUp: [row, 1], ArrowDown: [row, -1],
        PageUp: [through, 1], PageDown: [through, -1] };
      if (!(event.key in moves)) return;
      event.preventDefault();
      move(...moves[event.key]);
    });
    const slider = document.querySelector("[data-slice=" + canvas.dataset.plane + "]");
    slider.addEventListener("input", () => { at[through] = Number(slider.value); draw(); });
  }
  runBox.addEventListener("change", () => { listCases(); openLabels(); });
  modalityBox.addEventListener("change", openImage);
  for (const input of [modeBox, opacity, level, width]) input.addEventListener("input", draw);
  new ResizeObserver(draw).observe(document.querySelector("#viewer .planes"));
  openCase(listCases()[0]);
})();
`;
