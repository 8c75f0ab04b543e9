// Plugins, clients, topologies, and programs compiled for either.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "live.h"
#include "pjrt.h"

namespace node_pjrt {

struct Client {
  const Plugin& plugin;
  std::shared_ptr<void> store;  // what the plugin finds other processes by, or null
  Owned<PJRT_Client> client;
  std::vector<PJRT_Device*> devices;  // the addressable ones, the client's own
};

struct Topology {
  const Plugin& plugin;
  Owned<PJRT_TopologyDescription> topology;
};

template <>
inline constexpr Kind kind_of<Client> = Kind::kClient;
template <>
inline constexpr Kind kind_of<Topology> = Kind::kTopology;

// A compiled program. One compiled for a client can also run: `loaded`.
struct Executable {
  const Plugin& plugin;
  std::shared_ptr<Client> client;  // or null
  std::shared_ptr<Topology> topology;  // or null
  Owned<PJRT_Executable> executable;
  Owned<PJRT_LoadedExecutable> loaded;
  std::shared_ptr<PJRT_ExecuteContext> run_context = nullptr;  // its environment's, from its first run on
};

template <>
inline constexpr Kind kind_of<Executable> = Kind::kExecutable;

const Plugin& plugin_of(const Napi::Value& value);
Napi::Object js_values(Napi::Env env, const PJRT_NamedValue* values, size_t count);

void export_compile(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
