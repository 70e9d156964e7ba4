import { describe, expect, it } from "vitest";
import { type AcceptRequest, accept } from "../src/shared/accept";
import { isUntouched, split, withBody } from "../src/shared/cell";
import { findCell, isNotebookModel } from "../src/shared/shared-cell";

const SEED = "%%score auc --nodes 20\nmodel = a()\n\ndef predict(X):\n    return model(X)";

describe("the seed cell's text", () => {
  it("is the magic's lines and the body under them", () => {
    expect(split(SEED)).toEqual({ head: "%%score auc --nodes 20", body: SEED.slice(SEED.indexOf("\n") + 1) });
    expect(split("%%time\n\n%%score auc\nx = 1")).toEqual({ head: "%%time\n\n%%score auc", body: "x = 1" });
    expect(split("x = '''\n%%score\n'''")).toEqual({ head: "", body: "x = '''\n%%score\n'''" });
  });

  it("keeps its magic when the body is replaced", () => {
    expect(withBody(SEED, "\nmodel = b()\n\n")).toBe("%%score auc --nodes 20\nmodel = b()");
    expect(withBody("x = 1", "y = 2\n")).toBe("y = 2");
  });

  it("counts as untouched with other blanks or another magic line, not with another body", () => {
    const known = [split(SEED).body, "model = b()"];
    expect(isUntouched(`${SEED}  \n\n`, known)).toBe(true);
    expect(isUntouched(SEED.replace("20", "200"), known)).toBe(true);
    expect(isUntouched("%%score auc\nmodel = b()", known)).toBe(true);
    expect(isUntouched(SEED.replace("a()", "mine()"), known)).toBe(false);
  });
});

/** A notebook of shared models, as JupyterLab has them, in a few lines. */
function notebook(...texts: string[]) {
  const make = (id: string, text: string) => {
    let source = text;
    const history: string[] = [];
    let isCapturing = false;
    return {
      id,
      type: "code",
      getMetadata: () => undefined,
      sharedModel: {
        getSource: () => source,
        setSource(next: string) {
          // Without a stop in between, a change joins the one before it.
          if (!isCapturing) history.push(source);
          isCapturing = true;
          source = next;
        },
        undo() {
          source = history.pop() ?? source;
          isCapturing = false;
        },
        undoManager: {
          stopCapturing() {
            isCapturing = false;
          },
        },
      },
    };
  };
  const cells = texts.map((text, i) => make(`c${i}`, text));
  return {
    cells,
    sharedModel: {
      insertCell: (index: number, cell: { source: string }) => cells.splice(index, 0, make("new", cell.source)),
      deleteCell: (index: number) => void cells.splice(index, 1),
    },
  };
}

const request: AcceptRequest = {
  run: "auc",
  index: 4,
  source: "model = best()",
  cellId: "c1",
  known: [split(SEED).body],
  mode: "replace",
};

describe("accepting", () => {
  it("replaces the body as one step of undo, and the user's last typing is another", () => {
    const model = notebook("import a", SEED);
    const shared = model.cells[1]?.sharedModel;
    if (!shared) throw new Error("no cell");
    shared.setSource(`${SEED}\n`);
    const result = accept(request, findCell(model, "c1"));
    expect(shared.getSource()).toBe("%%score auc --nodes 20\nmodel = best()");
    if (result.status !== "done") throw new Error(result.status);
    result.undo();
    expect(shared.getSource()).toBe(`${SEED}\n`);
    shared.undo();
    expect(shared.getSource()).toBe(SEED);
  });

  it("finds the cell where it has moved to", () => {
    const model = notebook("import a", SEED);
    model.cells.reverse();
    expect(accept(request, findCell(model, "c1")).status).toBe("done");
    expect(model.cells[0]?.sharedModel.getSource()).toContain("best()");
  });

  it("refuses a cell that was edited, unless told to", () => {
    const edited = SEED.replace("a()", "mine()");
    const model = notebook("", edited);
    const cell = findCell(model, "c1");
    expect(accept(request, cell)).toEqual({ status: "refused", reason: "edited", current: edited });
    expect(model.cells[1]?.sharedModel.getSource()).toBe(edited);
    expect(accept({ ...request, mode: "force" }, cell).status).toBe("done");
    expect(model.cells[1]?.sharedModel.getSource()).toContain("best()");
  });

  it("inserts below and takes it away again", () => {
    const model = notebook("", SEED, "after");
    const result = accept({ ...request, mode: "below" }, findCell(model, "c1"));
    expect(model.cells.map(cell => cell.sharedModel.getSource())).toEqual(["", SEED, "model = best()", "after"]);
    if (result.status === "done") result.undo();
    expect(model.cells.length).toBe(3);
  });

  it("refuses where the cell is gone or read-only", () => {
    expect(accept(request, findCell(notebook(""), "c1"))).toMatchObject({ reason: "missing" });
    expect(accept(request, findCell(notebook(""), null))).toMatchObject({ reason: "missing" });
    const locked = Object.assign(notebook("", SEED), { readOnly: true });
    expect(accept(request, findCell(locked, "c1"))).toMatchObject({ reason: "read-only" });
  });

  it("knows a notebook's model by its shape and takes nothing else for one", () => {
    expect(isNotebookModel(notebook("a"))).toBe(true);
    for (const other of [undefined, null, {}, { cells: 3 }, { cells: [] }, { cells: [{ id: "a" }] }]) {
      expect(isNotebookModel(other)).toBe(false);
    }
  });
});
