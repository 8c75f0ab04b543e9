// The addon's table of contents, and what it does once per Node environment. lib/pjrt/native.ts types what is exported here.
#include <dlfcn.h>

#include "callback_channel.h"
#include "capabilities.h"
#include "client.h"
#include "compile.h"
#include "handlers.h"
#include "inspect.h"
#include "isolate.h"
#include "layouts.h"
#include "log_events.h"
#include "log_pipe.h"
#include "memory.h"
#include "napi.h"
#include "profile.h"
#include "run.h"
#include "share.h"
#include "stage.h"
#include "trace.h"
#include "transfer.h"

namespace node_pjrt {
namespace {

Napi::Value release(const Napi::CallbackInfo& info) {
  box_of(info[0])->release(info.Env());
  return info.Env().Undefined();
}

// live(of the whole process?): [things, bytes] of each kind, one after the other.
Napi::Value live(const Napi::CallbackInfo& info) {
  const Counts& counts = info[0].As<Napi::Boolean>() ? process_counts() : *Environment::of(info.Env())->counts;
  Napi::Array list = Napi::Array::New(info.Env(), 2 * kKinds);
  uint32_t at = 0;
  for (const Count& count : counts) {
    list.Set(at++, static_cast<double>(count.things));
    list.Set(at++, static_cast<double>(count.bytes));
  }
  return list;
}

// Plugins keep pointers into this library for ever, so it is never unmapped, not even with the last worker that required it.
void pin() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&pin), &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}

Napi::Value drain_in_flight(const Napi::CallbackInfo& info) {
  drain(cancel_callbacks);
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  pin();
  Environment::create(env);
  exports.Set("drain", Napi::Function::New<guarded<drain_in_flight>>(env));
  exports.Set("release", Napi::Function::New<guarded<release>>(env));
  exports.Set("live", Napi::Function::New<guarded<live>>(env));
  export_callback_channel(env, exports);
  export_capabilities(env, exports);
  export_client(env, exports);
  export_compile(env, exports);
  export_handlers(env, exports);
  export_inspect(env, exports);
  export_isolate(env, exports);
  export_layouts(env, exports);
  export_log_events(env, exports);
  export_log_pipe(env, exports);
  export_memory(env, exports);
  export_profile(env, exports);
  export_run(env, exports);
  export_share(env, exports);
  export_stage(env, exports);
  export_trace(env, exports);
  export_transfer(env, exports);
  return exports;
}

}  // namespace
}  // namespace node_pjrt

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return node_pjrt::init(env, exports); }
NODE_API_MODULE(node_pjrt, Init)
