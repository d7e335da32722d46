/* One question a part; the answer lights up the next part. Answers, hints and the text behind them come packed, so
   that nobody reads them at a glance in the file. */
const ANSWERS = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(GIVEN.answers), (c) => c.charCodeAt(0))));
const near = (v, truth) => Math.abs(v - truth) < 0.005 * Math.max(1, Math.abs(truth));

/* A hint stands behind a condition, "= 7" or "> 1"; the last one stands for all other answers. */
function hintFor(hints, v) {
  const fits = ([condition]) => {
    const [sign, number] = condition.split(" ");
    return !sign || (sign === "=" ? near(v, Number(number)) : v > Number(number));
  };
  return hints.find(fits)[1];
}

function readNumber(words) {
  const [above, below = "1", ...rest] = words.replaceAll(",", ".").replace("−", "-").split("/");
  return rest.length || !above.trim() || !below.trim() ? NaN : Number(above) / Number(below);
}

function numberForm(box) {
  const input = el("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": say("question.label") });
  box.append(el("div", { class: "row" }, input, el("button", { class: "button main" }, say("question.check"))));
  return {
    read: () => readNumber(input.value),
    write: (v) => {
      input.value = v;
    },
  };
}
function choiceForm(box, id, choices) {
  const boxes = choices.map((_, i) => el("input", { type: "radio", name: `answer-${id}`, value: i }));
  box.append(
    el(
      "div",
      { class: "choices" },
      choices.map((words, i) => el("label", {}, boxes[i], words)),
    ),
    el("div", { class: "row" }, el("button", { class: "button main" }, say("question.check"))),
  );
  return {
    read: () => {
      const i = boxes.findIndex((b) => b.checked);
      return i < 0 ? NaN : i;
    },
    write: (v) =>
      boxes.forEach((b, i) => {
        b.checked = i === v;
      }),
  };
}

function question(host) {
  const id = host.dataset.question;
  const index = SECTIONS.indexOf(id);
  const { ask, choices } = GIVEN.words[id];
  const { answer, hints, praise, after } = ANSWERS[id];
  const verdict = el("p", { class: "verdict", role: "status" });
  const fields = el("fieldset", {}, el("legend", {}, ask));
  const field = choices ? choiceForm(fields, id, choices) : numberForm(fields);
  const tell = (words, kind) => {
    verdict.textContent = words;
    verdict.className = `verdict ${kind}`;
  };
  const conclusion = after.map((words) => Object.assign(el("p"), { innerHTML: words }));
  host.after(el("div", { class: `prose after ${id === SECTIONS.at(-1) ? "end" : ""}` }, conclusion));
  host.append(
    el(
      "form",
      {
        novalidate: true,
        onsubmit(event) {
          event.preventDefault();
          const v = field.read();
          if (Number.isNaN(v)) return tell(say(choices ? "question.no-choice" : "question.no-number"), "wrong");
          if (!near(v, answer)) return tell(hintFor(hints, v), "wrong");
          store.set({ done: Math.max(store.get("done"), index + 1) });
        },
      },
      fields,
    ),
    verdict,
  );
  let before = null;
  store.watch(["done"], () => {
    const solved = store.get("done") > index;
    if (solved === before) return;
    before = solved;
    host.classList.toggle("solved", solved);
    field.write(solved ? answer : "");
    tell(solved ? praise : "", solved ? "right" : "");
  });
}
