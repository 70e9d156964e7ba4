/** Told by a widget on its root, bubbling, when its kernel has answered: there is a kernel with score-nb in it. */
export const READY_EVENT = "score-nb:ready";
