// What the user has set in JupyterLab's settings editor.

import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import { type Preferences, prefer } from "../shared/status";

export interface Settings {
  statusBar: boolean;
  notifyAtEnd: boolean;
}

/** Read the settings of `plugin` now and whenever they change; `take` gets those that the extension itself keeps to. */
export async function readSettings(
  registry: ISettingRegistry,
  plugin: string,
  take: (settings: Settings) => void,
): Promise<void> {
  const settings = await registry.load(plugin);
  const read = () => {
    const { statusBar, notifyAtEnd, difference, compareWith } = settings.composite as unknown as Settings & Preferences;
    prefer({ difference, compareWith });
    take({ statusBar, notifyAtEnd });
  };
  settings.changed.connect(read);
  read();
}
