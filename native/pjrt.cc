#include "pjrt.h"

#include <dlfcn.h>

#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ffi.h"
#include "ffi_api.h"
#include "live.h"
#include "log.h"

namespace node_pjrt {
namespace {

struct Entry {
  std::mutex mutex;  // held while loading: the second thread to ask waits for the first
  void* library = nullptr;
  std::optional<Counted> ready;
  Plugin plugin;
};

// Never destroyed: plugin threads may outlive static destructors.
Entry& entry_of(const std::string& path) {
  static auto& mutex = *new std::mutex;
  static auto& table = *new std::map<std::string, std::unique_ptr<Entry>>;
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Entry>& entry = table[path];
  if (!entry) entry = std::make_unique<Entry>();
  return *entry;
}

// Puts back what a plugin does to the process's signals while it loads. libtpu sets SIGHUP and SIGPROF to SIG_IGN and, where
// --install_signal_handlers=false is not given, takes over the fatal ones. Node resets every ignored signal to its default when it ends
// normally, and then a pending SIGPROF kills it. Only what is ignored now or handled inside the plugin is put back, so that a handler
// that another thread installs meanwhile stays.
class Signals {
 public:
  explicit Signals(const std::string& path) : path_(path) {
    for (int number = 1; number < NSIG; number++) known_[number] = sigaction(number, nullptr, &saved_[number]) == 0;
  }
  ~Signals() {
    for (int number = 1; number < NSIG; number++) {
      struct sigaction now;
      if (!known_[number] || sigaction(number, nullptr, &now) != 0 || now.sa_handler == saved_[number].sa_handler) continue;
      Dl_info owner;
      const bool inside = now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN &&
                          dladdr(reinterpret_cast<void*>(now.sa_handler), &owner) && owner.dli_fname == path_;
      if (inside || now.sa_handler == SIG_IGN) sigaction(number, &saved_[number], nullptr);
    }
  }

 private:
  const std::string& path_;
  struct sigaction saved_[NSIG];
  bool known_[NSIG] = {};
};

const PJRT_Api* open_library(const std::string& path, void*& library) {
  if (!library) {
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library) take_log_of(path, library);
  }
  if (!library) {
    const char* reason = dlerror();
    throw Error(kNoPlugin, "a plugin is a shared library of this machine; " + std::string(reason ? reason : path));
  }
  const auto get_api = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(library, "GetPjrtApi"));
  if (!get_api) throw Error(kNoPlugin, "a plugin exports GetPjrtApi; " + path + " does not");
  const PJRT_Api* api = get_api();
  if (!api) throw Error(kNoPlugin, "GetPjrtApi of " + path + " returned nothing");
  const PJRT_Api_Version& version = api->pjrt_api_version;
  // The header's rule: equal major versions are compatible, and what a minor version lacks is seen by struct_size at each call.
  if (version.major_version != PJRT_API_MAJOR || api->struct_size < offsetof(PJRT_Api, PJRT_Plugin_Attributes)) {
    throw Error(kNoPlugin, "a plugin speaks PJRT " + std::to_string(PJRT_API_MAJOR) + ".x; " + path + " speaks " +
                               std::to_string(version.major_version) + "." + std::to_string(version.minor_version));
  }
  return api;
}

template <typename Args, typename T>
void destroy_with(const Plugin& plugin, const Function<Args>& function, T* Args::*member, T* object) noexcept {
  Args args{};
  args.*member = object;
  try {
    call(plugin, function, args);
  } catch (const Error&) {
    // An object that cannot be destroyed is leaked: there is nobody to tell.
  }
}

}  // namespace

const Plugin& load_plugin(const std::string& path) {
  Entry& entry = entry_of(path);
  std::lock_guard<std::mutex> lock(entry.mutex);
  if (entry.ready) return entry.plugin;
  Signals signals(path);
  entry.plugin.path = path;
  entry.plugin.api = open_library(path, entry.library);
  PJRT_Plugin_Initialize_Args args{};
  call(entry.plugin, PJRT_FUNCTION(Plugin_Initialize), args);
  entry.plugin.ffi_problem = register_ffi_handlers(entry.plugin.api, &entry.plugin.ffi);
  entry.ready.emplace(nullptr, Kind::kPlugin);
  return entry.plugin;
}

Error error_of(const Plugin& plugin, PJRT_Error* error) {
  PJRT_Error_Message_Args message{};
  message.struct_size = PJRT_Error_Message_Args_STRUCT_SIZE;
  message.error = error;
  plugin.api->PJRT_Error_Message(&message);
  PJRT_Error_GetCode_Args code{};
  code.struct_size = PJRT_Error_GetCode_Args_STRUCT_SIZE;
  code.error = error;
  code.code = PJRT_Error_Code_UNKNOWN;
  plugin.api->PJRT_Error_GetCode(&code);
  Error result(code.code, std::string(message.message, message.message_size));
  PJRT_Error_Destroy_Args destroy{};
  destroy.struct_size = PJRT_Error_Destroy_Args_STRUCT_SIZE;
  destroy.error = error;
  plugin.api->PJRT_Error_Destroy(&destroy);
  return result;
}

void require_ffi(const Plugin& plugin) {
  if (plugin.ffi) return;
  const std::string needed = "XLA FFI " + ffi_version_text() + " and contexts of runs";
  throw Error(PJRT_Error_Code_UNIMPLEMENTED, "handlers of custom calls are for a plugin that has " + needed + "; " + plugin.path + " does not");
}

Error missing_function(const Plugin& plugin, const char* name) {
  const PJRT_Api_Version& version = plugin.api->pjrt_api_version;
  const std::string spoken = std::to_string(version.major_version) + "." + std::to_string(version.minor_version);
  return Error(PJRT_Error_Code_UNIMPLEMENTED, std::string(name) + " is not in the plugin " + plugin.path + " (PJRT " + spoken + ")", name);
}

void destroy(const Plugin& plugin, PJRT_Client* client) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(Client_Destroy), &PJRT_Client_Destroy_Args::client, client);
}
void destroy(const Plugin& plugin, PJRT_TopologyDescription* topology) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(TopologyDescription_Destroy), &PJRT_TopologyDescription_Destroy_Args::topology, topology);
}
void destroy(const Plugin& plugin, PJRT_Executable* executable) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(Executable_Destroy), &PJRT_Executable_Destroy_Args::executable, executable);
}
void destroy(const Plugin& plugin, PJRT_LoadedExecutable* executable) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(LoadedExecutable_Destroy), &PJRT_LoadedExecutable_Destroy_Args::executable, executable);
}
void destroy(const Plugin& plugin, PJRT_Buffer* buffer) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(Buffer_Destroy), &PJRT_Buffer_Destroy_Args::buffer, buffer);
}
void destroy(const Plugin& plugin, PJRT_Event* event) noexcept {
  destroy_with(plugin, PJRT_FUNCTION(Event_Destroy), &PJRT_Event_Destroy_Args::event, event);
}

void await(const Plugin& plugin, PJRT_Event* event) {
  PJRT_Event_Await_Args args{};
  args.event = event;
  call(plugin, PJRT_FUNCTION(Event_Await), args);
}

}  // namespace node_pjrt
