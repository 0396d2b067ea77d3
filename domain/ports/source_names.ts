/** Every source of the futures desk. */
export const SOURCE_NAMES = [
  "hzzhqx",
  "jiaoyikecha",
  "openvlab",
  "rongda",
  "rongda2",
  "founderfu",
  "sina",
] as const;

export type SourceName = typeof SOURCE_NAMES[number];
