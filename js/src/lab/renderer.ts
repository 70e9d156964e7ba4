// Draws the saved output of a run: the live view where the kernel still has it, else the picture that was saved.
//
// JupyterLab's own renderer of widgets says "model not found" when a notebook is reopened without its kernel. Ours stands
// above it: it keeps the saved picture until the live view has really come.

import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { Panel, Widget } from "@lumino/widgets";
import { RUN_MIME, WIDGET_MIME } from "../shared/protocol";
import { READY_EVENT } from "../shared/ready";
import { mount } from "../widget/mount";
import { isDrawable, SavedChannel, type SavedRun } from "../widget/saved";
import { Session } from "../widget/session";

// Widgets are at -10; lower comes first.
const RANK = -20;
// A live view comes within this; until then nothing is shown, so that the picture does not flash up.
const PICTURE_AFTER_MS = 900;
const LOOK_EVERY_MS = 400;
const LOOKS = 150;
const LIVE = ".snb[data-live]";

/** Give every notebook, open now or later, a renderer for runs. */
export function drawRuns(tracker: INotebookTracker): void {
  const add = (panel: NotebookPanel) => {
    const { rendermime } = panel.content;
    rendermime.addFactory(
      { safe: true, mimeTypes: [RUN_MIME], createRenderer: options => new RunRenderer(options, rendermime) },
      RANK,
    );
  };
  tracker.forEach(add);
  tracker.widgetAdded.connect((_, panel) => add(panel));
}

class RunRenderer extends Panel implements IRenderMime.IRenderer {
  private readonly picture = new Widget();
  private readonly live = new Panel();
  private model: IRenderMime.IMimeModel | null = null;
  private modelId = "";
  private inner: IRenderMime.IRenderer | null = null;
  private factory: unknown = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private looks = 0;
  private pictureAt = 0;
  private clearPicture = () => this.picture.node.replaceChildren();

  constructor(
    private readonly options: IRenderMime.IRendererOptions,
    private readonly rendermime: IRenderMimeRegistry,
  ) {
    super();
    this.addClass("score-nb-output");
    this.picture.hide();
    this.live.node.addEventListener(READY_EVENT, this.look);
    this.addWidget(this.live);
    this.addWidget(this.picture);
  }

  /** Called again for every refresh of the saved picture: a live view that is there stays untouched. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    const view = model.data[WIDGET_MIME] as { model_id?: string } | undefined;
    const modelId = view?.model_id ?? "";
    if (modelId !== this.modelId) {
      this.modelId = modelId;
      this.dropInner();
      this.looks = 0;
      this.pictureAt = performance.now() + PICTURE_AFTER_MS;
    }
    if (!this.picture.isHidden) await this.drawPicture();
    if (!this.isLive()) this.look();
  }

  dispose(): void {
    if (this.isDisposed) return;
    clearTimeout(this.timer);
    this.dropInner();
    this.clearPicture();
    super.dispose();
  }

  private isLive(): boolean {
    return this.live.node.querySelector(LIVE) !== null;
  }

  /** See whether the live view has come; make a new attempt where the widget manager has changed. */
  private readonly look = (): void => {
    clearTimeout(this.timer);
    if (this.isDisposed || this.model === null) return;
    const isLive = this.isLive();
    this.live.setHidden(!isLive);
    if (isLive) {
      this.picture.hide();
      this.clearPicture();
      return;
    }
    if (this.picture.isHidden && performance.now() > this.pictureAt) {
      this.picture.show();
      void this.drawPicture();
    }
    this.tryLive();
    if (this.looks++ < LOOKS) this.timer = setTimeout(this.look, LOOK_EVERY_MS);
  };

  private tryLive(): void {
    const factory = this.rendermime.getFactory(WIDGET_MIME);
    // The manager puts a factory of its own in place once the kernel is known; before that an attempt only logs an error.
    if (this.modelId === "" || factory === undefined || (this.inner !== null && factory === this.factory)) return;
    this.dropInner();
    this.factory = factory;
    this.inner = factory.createRenderer({ ...this.options, mimeType: WIDGET_MIME });
    this.live.addWidget(this.inner);
    void this.inner.renderModel(this.model as IRenderMime.IMimeModel).catch(() => undefined);
  }

  private dropInner(): void {
    this.inner?.dispose();
    this.inner = null;
  }

  /** Draw what the notebook holds: the run itself where its data is there, else the stored picture. */
  private async drawPicture(): Promise<void> {
    const { model } = this;
    if (model === null) return;
    const saved = model.data[RUN_MIME] as SavedRun | undefined;
    if (isDrawable(saved)) this.drawSaved(saved);
    else await this.drawStatic(model);
  }

  private drawSaved(saved: SavedRun): void {
    this.clearPicture();
    const session = new Session(new SavedChannel(saved), undefined);
    const unmount = mount(session, this.picture.node);
    this.clearPicture = () => {
      unmount();
      session.close();
      this.picture.node.replaceChildren();
    };
  }

  /** Leave it to the notebook's own renderer, which keeps to what the notebook's trust allows. */
  private async drawStatic(model: IRenderMime.IMimeModel): Promise<void> {
    const mimeType = ["text/html", "image/png", "text/plain"].find(type => type in model.data);
    if (mimeType === undefined) return;
    const renderer = this.rendermime.createRenderer(mimeType);
    await renderer.renderModel(model);
    this.picture.node.replaceChildren(renderer.node);
  }
}
