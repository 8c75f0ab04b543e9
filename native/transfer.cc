#include "transfer.h"

#include <set>

#include "memory.h"
#include "napi.h"
#include "run.h"
#include "stage.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// A plugin's transfer manager. A buffer that is not sent whole would be waited for without end, so it becomes an error with the transfer.
struct Transfer {
  std::shared_ptr<Client> client;
  PJRT_AsyncHostToDeviceTransferManager* manager;
  std::set<int> unfinished;

  ~Transfer() {
    for (int index : std::set<int>(unfinished)) {
      try {
        fail(index, PJRT_Error_Code_CANCELLED, "the transfer was disposed before the tensor was there");
      } catch (const Error&) {
        // There is nobody to tell.
      }
    }
    PJRT_AsyncHostToDeviceTransferManager_Destroy_Args args{};
    args.transfer_manager = manager;
    try {
      call(client->plugin, PJRT_FUNCTION(AsyncHostToDeviceTransferManager_Destroy), args);
    } catch (const Error&) {
      // As above.
    }
  }

  void fail(int index, PJRT_Error_Code code, const std::string& message) {
    if (unfinished.erase(index)) set_error(index, code, message);
  }

  void set_error(int index, PJRT_Error_Code code, const std::string& message) {
    PJRT_AsyncHostToDeviceTransferManager_SetBufferError_Args args{};
    args.transfer_manager = manager;
    args.buffer_index = index;
    args.error_code = code;
    args.error_message = message.data();
    args.error_message_size = message.size();
    call(client->plugin, PJRT_FUNCTION(AsyncHostToDeviceTransferManager_SetBufferError), args);
  }
};

int index_of(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

// createTransfer(client, device index, memory index, types, shapes)
Napi::Value create_transfer(Info info) {
  const auto client = unwrap<Client>(info[0]);
  const auto types = integers_of(info[3]);
  const auto shapes = info[4].As<Napi::Array>();
  std::vector<std::vector<int64_t>> dims;
  std::vector<PJRT_ShapeSpec> specs;
  for (uint32_t i = 0; i < types.size(); i++) dims.push_back(integers_of(shapes.Get(i)));
  for (size_t i = 0; i < types.size(); i++) {
    PJRT_ShapeSpec spec{};
    spec.struct_size = PJRT_ShapeSpec_STRUCT_SIZE;
    spec.dims = dims[i].data();
    spec.num_dims = dims[i].size();
    spec.element_type = static_cast<PJRT_Buffer_Type>(types[i]);
    specs.push_back(spec);
  }
  PJRT_Client_CreateBuffersForAsyncHostToDevice_Args args{};
  args.client = client->client.get();
  args.shape_specs = specs.data();
  args.num_shape_specs = specs.size();
  args.memory = memories_of(*client, info[1].As<Napi::Number>().Uint32Value()).at(info[2].As<Napi::Number>().Uint32Value());
  call(client->plugin, PJRT_FUNCTION(Client_CreateBuffersForAsyncHostToDevice), args);
  auto transfer = std::shared_ptr<Transfer>(new Transfer{client, args.transfer_manager, {}});
  for (size_t i = 0; i < specs.size(); i++) transfer->unfinished.insert(static_cast<int>(i));
  return wrap(info.Env(), std::move(transfer), box_of(info[0]));
}

// transferBuffer(transfer, client, index, byte length): the tensor, which has its value when all of it was sent. To be asked for once.
Napi::Value transfer_buffer(Info info) {
  const auto transfer = unwrap<Transfer>(info[0]);
  PJRT_AsyncHostToDeviceTransferManager_RetrieveBuffer_Args args{};
  args.transfer_manager = transfer->manager;
  args.buffer_index = index_of(info[2]);
  call(transfer->client->plugin, PJRT_FUNCTION(AsyncHostToDeviceTransferManager_RetrieveBuffer), args);
  Owned<PJRT_Buffer> buffer(transfer->client->plugin, args.buffer_out);
  return wrap(info.Env(), std::shared_ptr<Buffer>(new Buffer{transfer->client, std::move(buffer)}), box_of(info[1]),
              info[3].As<Napi::Number>().Int64Value());
}

// transferStage(transfer, index, stage, offset, is it the last?): settles when the piece is with the device. One at a time.
Napi::Value transfer_stage(Info info) {
  const auto transfer = unwrap<Transfer>(info[0]);
  const auto [memory, bytes] = staged_of(info[2]);
  const int index = index_of(info[1]);
  const bool is_last = info[4].As<Napi::Boolean>();
  if (!transfer->unfinished.count(index)) throw Error(PJRT_Error_Code_FAILED_PRECONDITION, "the tensor was sent, or is an error");
  if (is_last) transfer->unfinished.erase(index);
  return OffThread<bool>::run(
      info.Env(),
      [transfer, memory, bytes, index, is_last, offset = info[3].As<Napi::Number>().Int64Value()] {
        const Plugin& plugin = transfer->client->plugin;
        PJRT_AsyncHostToDeviceTransferManager_TransferData_Args args{};
        args.transfer_manager = transfer->manager;
        args.buffer_index = index;
        args.data = memory.get();
        args.offset = offset;
        args.transfer_size = static_cast<int64_t>(bytes);
        args.is_last_transfer = is_last;
        try {
          call(plugin, PJRT_FUNCTION(AsyncHostToDeviceTransferManager_TransferData), args);
        } catch (const Error& error) {
          if (is_last) transfer->set_error(index, PJRT_Error_Code_ABORTED, error.what());
          throw;
        }
        const Owned<PJRT_Event> done(plugin, args.done_with_h2d_transfer);
        await(plugin, done.get());
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// failTransfer(transfer, index, message): the tensor is an error for whoever uses it, unless it is there already.
Napi::Value fail_transfer(Info info) {
  unwrap<Transfer>(info[0])->fail(index_of(info[1]), PJRT_Error_Code_ABORTED, text_of(info[2]));
  return info.Env().Undefined();
}

}  // namespace

void export_transfer(Napi::Env env, Napi::Object exports) {
  exports.Set("createTransfer", Napi::Function::New<guarded<create_transfer>>(env));
  exports.Set("transferBuffer", Napi::Function::New<guarded<transfer_buffer>>(env));
  exports.Set("transferStage", Napi::Function::New<guarded<transfer_stage>>(env));
  exports.Set("failTransfer", Napi::Function::New<guarded<fail_transfer>>(env));
}

}  // namespace node_pjrt
