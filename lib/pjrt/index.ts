/** The runtime half: plugins, and what they compile and run. */
export type { Buffer } from './buffer';
export type { CallbackFunction, CallbackInput, CallbackResults } from './callback';
export type { Capabilities, Extension, Slot, Version } from './capabilities';
export { Client, type ClientOptions, type Device, type CompileOptions, type ShardedOptions, type Target } from './client';
export type { CacheOption, CompileCache } from './compile-cache';
export type { Cost, Executable, LoadedExecutable, OptimizedProgram, Origin, Outputs } from './executable';
export type { EventName, Events, Timed } from './events';
export type { HandlerSource } from './handlers';
export { liveHandles } from './handle';
export { hostArray, type HostData } from './host-data';
export type { IsolatedOption } from './isolated';
export type { Memory } from './memory';
export type { Attribute, CompiledMemory, DeviceFacts, Layout, MemoryStats } from './native';
export type { CompilerOptions, Spread } from './options';
export { Plugin } from './plugin';
export type { ShardedBuffer, ShardedExecutable } from './sharded';
export type { Part, Sharding } from './sharding';
export { Topology, type TopologyOptions } from './topology';
