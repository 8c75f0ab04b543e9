#include "client.h"

#include <deque>

#include "compile.h"
#include "drop.h"
#include "napi.h"
#include "store.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// Create options as a plugin takes them, with the memory that they point to.
class Options {
 public:
  // Of rows [name, kind, value]: kind is string, int64, int64s, float or bool.
  explicit Options(const Napi::Array& rows) {
    for (uint32_t i = 0; i < rows.Length(); i++) {
      const auto row = rows.Get(i).As<Napi::Array>();
      add(text_of(row.Get(0u)), text_of(row.Get(1u)), row.Get(2u));
    }
  }
  Options(const Options&) = delete;

  const std::vector<PJRT_NamedValue>& values() const { return values_; }

 private:
  void add(const std::string& name, const std::string& kind, const Napi::Value& given) {
    PJRT_NamedValue value{};
    value.struct_size = PJRT_NamedValue_STRUCT_SIZE;
    value.name = kept(name).data();
    value.name_size = name.size();
    value.value_size = 1;
    if (kind == "string") {
      const std::string& text = kept(text_of(given));
      value.type = PJRT_NamedValue_kString;
      value.string_value = text.data();
      value.value_size = text.size();
    } else if (kind == "int64s") {
      const std::vector<int64_t>& numbers = lists_.emplace_back(integers_of(given));
      value.type = PJRT_NamedValue_kInt64List;
      value.int64_array_value = numbers.data();
      value.value_size = numbers.size();
    } else if (kind == "int64") {
      value.type = PJRT_NamedValue_kInt64;
      value.int64_value = given.As<Napi::Number>().Int64Value();
    } else if (kind == "float") {
      value.type = PJRT_NamedValue_kFloat;
      value.float_value = given.As<Napi::Number>().FloatValue();
    } else {
      value.type = PJRT_NamedValue_kBool;
      value.bool_value = given.As<Napi::Boolean>();
    }
    values_.push_back(value);
  }

  // A deque's elements stay where they are.
  const std::string& kept(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::deque<std::string> texts_;
  std::deque<std::vector<int64_t>> lists_;
  std::vector<PJRT_NamedValue> values_;
};

std::shared_ptr<Client> open_client(const Plugin& plugin, const Options& options, const std::shared_ptr<KeyValueStore>& store) {
  await_drops();  // of a client whose last tensors are being freed
  PJRT_Client_Create_Args args{};
  args.create_options = options.values().data();
  args.num_options = options.values().size();
  if (store) give_store(args, store.get());
  call(plugin, PJRT_FUNCTION(Client_Create), args);
  auto client = std::shared_ptr<Client>(new Client{plugin, store, Owned<PJRT_Client>(plugin, args.client), {}});
  PJRT_Client_AddressableDevices_Args devices{};
  devices.client = args.client;
  call(plugin, PJRT_FUNCTION(Client_AddressableDevices), devices);
  client->devices.assign(devices.addressable_devices, devices.addressable_devices + devices.num_addressable_devices);
  return client;
}

// createClient(plugin, rows of options, what a key-value store is asked by, or undefined)
Napi::Value create_client(Info info) {
  const Plugin& plugin = plugin_of(info[0]);
  const auto options = std::make_shared<Options>(info[1].As<Napi::Array>());
  if (!info[2].IsFunction()) {
    return OffThread<std::shared_ptr<Client>>::run(
        info.Env(), [&plugin, options] { return open_client(plugin, *options, nullptr); },
        [](Napi::Env env, std::shared_ptr<Client> client) { return wrap(env, std::move(client), nullptr); });
  }
  const auto store = store_of(info.Env(), info[2].As<Napi::Function>());
  const auto client = std::make_shared<std::shared_ptr<Client>>();
  return beside_store(
      info.Env(), store, [&plugin, options, store, client] { *client = open_client(plugin, *options, store); },
      [client](Napi::Env env) { return wrap(env, std::move(*client), nullptr); });
}

}  // namespace

void export_client(Napi::Env env, Napi::Object exports) {
  exports.Set("createClient", Napi::Function::New<guarded<create_client>>(env));
}

}  // namespace node_pjrt
