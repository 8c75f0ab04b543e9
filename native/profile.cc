#include "profile.h"

#include "compile.h"
#include "extensions.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// One profiler, from its start to its data.
struct Profile {
  const Plugin& plugin;
  const ProfilerApi& api;
  Profiler* profiler = nullptr;
  bool is_running = false;

  Profile(const Plugin& plugin, const std::string& options) : plugin(plugin), api(api_of(plugin)) {
    ProfilerCreateArgs args{};
    args.options = options.data();
    args.options_size = options.size();
    run(api.create, args);
    profiler = args.profiler;
  }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;
  ~Profile() {
    ProfilerArgs args{};
    args.profiler = profiler;
    try {
      if (is_running) simple(api.stop);
      if (profiler) run(api.destroy, args);
    } catch (const Error&) {
      // There is nobody to tell.
    }
  }

  void start() {
    simple(api.start);
    is_running = true;
  }

  std::string stop() {
    is_running = false;
    simple(api.stop);
    ProfilerCollectArgs args{};
    args.profiler = profiler;
    // Whatever the header says, the first call gives the data, in memory of the profiler, and a second one with a buffer writes nothing to it.
    run(api.collect, args);
    if (!args.buffer) return {};
    return std::string(reinterpret_cast<const char*>(args.buffer), args.buffer_size);
  }

 private:
  static const ProfilerApi& api_of(const Plugin& plugin) {
    const auto* extension = extension_of<ProfilerExtension>(plugin, PJRT_Extension_Type_Profiler);
    if (!extension || !extension->api || extension->api->struct_size < sizeof(ProfilerApi))
      throw missing_function(plugin, "PLUGIN_Profiler_Create");
    return *extension->api;
  }

  void simple(ProfilerError* (*function)(ProfilerArgs*)) {
    ProfilerArgs args{};
    args.profiler = profiler;
    run(function, args);
  }

  template <typename Args>
  void run(ProfilerError* (*function)(Args*), Args& args) {
    args.struct_size = sizeof(Args);
    ProfilerError* error = function(&args);
    if (!error) return;
    ProfilerErrorMessageArgs message{};
    message.struct_size = sizeof(message);
    message.error = error;
    api.error_message(&message);
    ProfilerErrorCodeArgs code{};
    code.struct_size = sizeof(code);
    code.error = error;
    code.code = PJRT_Error_Code_UNKNOWN;
    api.error_code(&code);
    const Error result(code.code, std::string(message.message, message.message_size));
    ProfilerErrorArgs destroy{};
    destroy.struct_size = sizeof(destroy);
    destroy.error = error;
    api.error_destroy(&destroy);
    throw result;
  }
};

// startProfile(plugin, options): a handle of what has begun.
Napi::Value start_profile(Info info) {
  return OffThread<std::shared_ptr<Profile>>::run(
      info.Env(),
      [&plugin = plugin_of(info[0]), options = bytes_of(info[1])] {
        auto profile = std::make_shared<Profile>(plugin, options);
        profile->start();
        return profile;
      },
      [](Napi::Env env, std::shared_ptr<Profile> profile) { return wrap(env, std::move(profile), nullptr); });
}

// stopProfile(profile): an XSpace of XLA's, as an ArrayBuffer.
Napi::Value stop_profile(Info info) {
  return OffThread<std::string>::run(
      info.Env(), [profile = unwrap<Profile>(info[0])] { return profile->stop(); },
      [](Napi::Env env, std::string data) {
        auto owner = std::make_unique<std::string>(std::move(data));
        char* bytes = owner->data();
        const size_t size = owner->size();
        return array_buffer(env, bytes, size, std::move(owner));
      });
}

}  // namespace

void export_profile(Napi::Env env, Napi::Object exports) {
  exports.Set("startProfile", Napi::Function::New<guarded<start_profile>>(env));
  exports.Set("stopProfile", Napi::Function::New<guarded<stop_profile>>(env));
}

}  // namespace node_pjrt
