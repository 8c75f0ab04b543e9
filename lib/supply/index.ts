/**
 * Plugins to install and where they are. It imports nothing but Node's own modules, since setup and the addon's build run it before there
 * is an addon.
 */
export { cacheDirectory, includeDirs, installed, installedSha256, pluginPath, type Supply, supplies, verify } from './cache';
export { type InstallOptions, install, type Progress } from './install';
export { type PluginName, type SupplyName, supplyName, supplyNames } from './packages';
