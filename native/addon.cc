// The addon's table of contents, and what it does once per Node environment. lib/pjrt/native.ts types what is exported here.
#include <dlfcn.h>

#include "capabilities.h"
#include "channel.h"
#include "compile.h"
#include "handlers.h"
#include "inspect.h"
#include "isolate.h"
#include "layouts.h"
#include "memory.h"
#include "napi.h"
#include "profile.h"
#include "run.h"
#include "share.h"
#include "stage.h"
#include "transfer.h"

namespace node_pjrt {
namespace {

Napi::Value release(const Napi::CallbackInfo& info) {
  box_of(info[0])->release(info.Env());
  return info.Env().Undefined();
}

Napi::Value live_handles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Environment::of(info.Env())->live_handles));
}

// Plugins keep pointers into this library for ever, so it is never unmapped, not even with the last worker that required it.
void pin() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&pin), &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}

// Longer than this, an exit does not wait for what runs inside a plugin.
constexpr std::chrono::seconds kExitLimit{5};

Napi::Value drain_in_flight(const Napi::CallbackInfo& info) {
  drain(kExitLimit, cancel_callbacks);
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  pin();
  Environment::create(env);
  exports.Set("drain", Napi::Function::New<guarded<drain_in_flight>>(env));
  exports.Set("release", Napi::Function::New<guarded<release>>(env));
  exports.Set("liveHandles", Napi::Function::New<guarded<live_handles>>(env));
  export_capabilities(env, exports);
  export_channel(env, exports);
  export_compile(env, exports);
  export_handlers(env, exports);
  export_inspect(env, exports);
  export_isolate(env, exports);
  export_layouts(env, exports);
  export_memory(env, exports);
  export_profile(env, exports);
  export_run(env, exports);
  export_share(env, exports);
  export_stage(env, exports);
  export_transfer(env, exports);
  return exports;
}

}  // namespace
}  // namespace node_pjrt

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return node_pjrt::init(env, exports); }
NODE_API_MODULE(node_pjrt, Init)
