// Small line icons, 14 pixels, in the colour of the text.

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg
      width="14"
      height="14"
      viewBox="0 0 14 14"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const PauseIcon = () => (
  <Icon>
    <path d="M4.5 3v8M9.5 3v8" />
  </Icon>
);
export const PlayIcon = () => (
  <Icon>
    <path d="M4 2.8 11 7l-7 4.2Z" />
  </Icon>
);
export const StopIcon = () => (
  <Icon>
    <rect x="3.2" y="3.2" width="7.6" height="7.6" rx="1" />
  </Icon>
);
export const DownIcon = () => (
  <Icon>
    <path d="m3.5 5.5 3.5 3.5 3.5-3.5" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M7 3v8M3 7h8" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M3 7h8" />
  </Icon>
);
export const FitIcon = () => (
  <Icon>
    <path d="M2.5 5V2.5H5M9 2.5h2.5V5M11.5 9v2.5H9M5 11.5H2.5V9" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="4.8" y="4.8" width="6.7" height="6.7" rx="1.2" />
    <path d="M9.2 4.8V3.4c0-.5-.4-.9-.9-.9H3.4c-.5 0-.9.4-.9.9v4.9c0 .5.4.9.9.9h1.4" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m3 7.4 2.8 2.8L11.2 4" />
  </Icon>
);
export const BulbIcon = () => (
  <Icon>
    <path d="M5.2 9.2a3.6 3.6 0 1 1 3.6 0c-.3.2-.4.5-.4.8H5.6c0-.3-.1-.6-.4-.8ZM5.8 12.2h2.4" />
  </Icon>
);
export const BranchIcon = () => (
  <Icon>
    <circle cx="7" cy="3" r="1.4" />
    <circle cx="3.6" cy="11" r="1.4" />
    <circle cx="10.4" cy="11" r="1.4" />
    <path d="M7 4.4v1.2c0 1-.6 1.6-1.6 2s-1.8.9-1.8 2M7 5.600c0 1 .6 1.6 1.6 2s1.8.9 1.8 2" />
  </Icon>
);
export const DoubtIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="5.4" />
    <path d="M5.4 5.6a1.6 1.6 0 1 1 2.300 1.500c-.5.3-.7.5-.7 1M7 10v.1" />
  </Icon>
);
export const AgainIcon = () => (
  <Icon>
    <path d="M11.300 5.200A4.700 4.700 0 1 0 11.600 8M11.600 2.600v2.800H8.800" />
  </Icon>
);
export const BoxIcon = () => (
  <Icon>
    <path d="M2.500 2.500h9v9h-9Z" stroke-dasharray="2.200 2.200" />
  </Icon>
);
export const TabIcon = () => (
  <Icon>
    <path d="M8 2.500h3.500V6M11.300 2.700 7 7M6 3H3.500a1 1 0 0 0-1 1v6.500a1 1 0 0 0 1 1H10a1 1 0 0 0 1-1V8" />
  </Icon>
);
export const CutIcon = () => (
  <Icon>
    <circle cx="7" cy="3" r="1.400" />
    <path d="M7 4.400v2M4.500 8.500l5 4M9.500 8.500l-5 4" />
  </Icon>
);
export const FoldIcon = () => (
  <Icon>
    <path d="M2.5 7h9M4.5 2.5 7 5l2.5-2.5M4.5 11.5 7 9l2.5 2.5" />
  </Icon>
);
export const TargetIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.6" />
    <circle cx="7" cy="7" r="1.2" fill="currentColor" />
  </Icon>
);
export const PinIcon = () => (
  <Icon>
    <path d="M5 2h4M5.500 2v3.500L3.500 8h7l-2-2.500V2M7 8v4" />
  </Icon>
);
