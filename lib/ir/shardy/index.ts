/**
 * Programs that are spread over devices: a mesh of named axes, the sharding of each tensor, and computations written from a device's
 * point of view, in Shardy's dialect and StableHLO's collectives. Like the StableHLO builders, each appends one operation, infers its
 * result's type, and throws a ShapeError that names the rule it breaks.
 */
export * from './collectives';
export { manualComputation, type Shardings } from './manual';
export { axisSize, groupsAlong, localType, type Mesh, mesh, meshText, type Sharding, stridesOf } from './mesh';
