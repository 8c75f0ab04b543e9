export * from './cover';
export * from './mask';
export { maskText, parseMask } from './text';
export { type Bound, documentIds, predicate, type Printer, ranges } from './predicate';
export { type Plane, planeOf, planeWords } from './plane';
export { type MaskJson, type MaskNode, maskFromJson, maskHash, maskToJson, sameMask } from './json';
export { fromHuggingFace, fromSplash, type HuggingFaceConfig, type SizedMask, toSplash } from './interchange';
export { fromMaskMod, type Sizes, toMaskMod } from './maskmod';
export { type PlanePart, shifted } from './shift';
