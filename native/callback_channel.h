// The way from a plugin's threads to the callbacks of one environment's JavaScript.
#pragma once

#include <napi.h>

#include <memory>

#include "pjrt.h"

namespace node_pjrt {

// What an environment gives each of its runs, so that the callbacks of the program are that environment's. Held until the run is over. Null
// where the plugin calls no handlers. JS thread only.
std::shared_ptr<PJRT_ExecuteContext> run_context(Napi::Env env, const Plugin& plugin);

// Fails every callback that is under way, of all environments: the process is leaving. A later one fails at once.
void cancel_callbacks();

void export_callback_channel(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
