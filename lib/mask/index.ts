export * from './cover';
export * from './mask';
export * from './text';
export { type MaskJson, type MaskNode, maskFromJson, maskHash, maskToJson, sameMask } from './json';
export { fromHuggingFace, fromSplash, type HuggingFaceConfig, type SizedMask, toSplash } from './interchange';
export { fromMaskMod, type Sizes, toMaskMod } from './maskmod';
