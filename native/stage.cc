#include "stage.h"

#include <cstring>

#include "host.h"
#include "napi.h"
#include "run.h"
#include "segment.h"
#include "share.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

struct Stage {
  std::shared_ptr<void> memory;  // null when it is not wanted any more
  size_t bytes;
  bool is_fresh;
  std::shared_ptr<Segment> segment;  // of memory that another process will have; else null
};

Stage& stage_of(const Napi::Value& value) { return *value.As<Napi::External<Stage>>().Data(); }

size_t size_of(const Napi::Value& value) { return static_cast<size_t>(value.As<Napi::Number>().Int64Value()); }

std::unique_ptr<Stage> new_stage(size_t bytes, bool is_shared) {
  bool is_fresh = true;
  if (!is_shared) {
    const std::shared_ptr<void> memory = host_memory(bytes, Contents::kAny, &is_fresh);
    return std::unique_ptr<Stage>(new Stage{memory, bytes, is_fresh, nullptr});
  }
  auto segment = std::make_shared<Segment>(bytes);
  const std::shared_ptr<void> memory(segment, segment->at());
  return std::unique_ptr<Stage>(new Stage{memory, bytes, segment->is_fresh(), std::move(segment)});
}

Napi::Value staged(Napi::Env env, std::unique_ptr<Stage> one) {
  const auto external = Napi::External<Stage>::New(env, one.get(), [](Napi::Env, Stage* one) { delete one; });
  one.release();
  return external;
}

// stage(bytes, for another process?)
Napi::Value stage(Info info) { return staged(info.Env(), new_stage(size_of(info[0]), info[1].As<Napi::Boolean>())); }

// stageArray(bytes): bytes of a hostMemory, as they are.
Napi::Value stage_array(Info info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const std::shared_ptr<void> whole = array_holding(bytes.Data(), bytes.ByteLength());
  if (!whole) throw Error(PJRT_Error_Code_INVALID_ARGUMENT, "what is staged as it is is memory of hostArray");
  const std::shared_ptr<void> part(whole, const_cast<uint8_t*>(bytes.Data()));
  return staged(info.Env(), std::unique_ptr<Stage>(new Stage{part, bytes.ByteLength(), false, nullptr}));
}

// isFresh(stage): whether its pages are to be fetched.
Napi::Value is_fresh(Info info) { return Napi::Boolean::New(info.Env(), stage_of(info[0]).is_fresh); }

// fetchStage(stage, from, to): has pages of the system ready there.
Napi::Value fetch_stage(Info info) {
  return OffThread<bool>::run(
      info.Env(),
      [memory = stage_of(info[0]).memory, from = size_of(info[1]), to = size_of(info[2])] {
        if (memory) fetch_pages(static_cast<char*>(memory.get()) + from, to - from);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// fillStage(stage, offset, bytes)
Napi::Value fill_stage(Info info) {
  const Stage& one = stage_of(info[0]);
  const size_t offset = size_of(info[1]);
  const auto bytes = info[2].As<Napi::Uint8Array>();
  if (!one.memory || offset > one.bytes || bytes.ByteLength() > one.bytes - offset)
    throw Error(PJRT_Error_Code_OUT_OF_RANGE, "a part lies in what is staged");
  std::memcpy(static_cast<char*>(one.memory.get()) + offset, bytes.Data(), bytes.ByteLength());
  return info.Env().Undefined();
}

std::shared_ptr<Buffer> tensor_of(const Destination& destination, const std::shared_ptr<void>& memory) {
  if (!memory) throw Error(PJRT_Error_Code_FAILED_PRECONDITION, "what is uploaded is staged still");
  Uploaded uploaded = destination.upload(memory.get(), PJRT_HostBufferSemantics_kImmutableZeroCopy);
  hold_until(std::move(uploaded.host_done), memory);
  return std::move(uploaded.buffer);
}

// uploadStage(client, device index, memory index or -1 for the device's own, type, dimensions, stage): a tensor of the bytes, which are the
// tensor's memory where the plugin reads them in place.
Napi::Value upload_stage(Info info) {
  const Stage& one = stage_of(info[5]);
  return wrap(info.Env(), tensor_of(destination_of(info), one.memory), box_of(info[0]), static_cast<int64_t>(one.bytes));
}

// uploadStageLater(...): the same on a worker. A plugin that cannot read the bytes in place may copy them first.
Napi::Value upload_stage_later(Info info) {
  const Stage& one = stage_of(info[5]);
  return OffThread<std::shared_ptr<Buffer>>::run(
      info.Env(), [destination = destination_of(info), memory = one.memory] { return tensor_of(destination, memory); },
      [parent = box_of(info[0]), bytes = static_cast<int64_t>(one.bytes)](Napi::Env env, std::shared_ptr<Buffer> buffer) {
        return wrap(env, std::move(buffer), parent, bytes);
      });
}

// dropStage(stage): nobody wants it any more.
Napi::Value drop_stage(Info info) {
  stage_of(info[0]).memory.reset();
  stage_of(info[0]).segment.reset();
  return info.Env().Undefined();
}

// shareStage(stage, process): a descriptor of its memory, for the process.
Napi::Value share_stage(Info info) {
  const Stage& one = stage_of(info[0]);
  if (!one.segment) throw Error(PJRT_Error_Code_FAILED_PRECONDITION, "what another process is given is staged for it");
  return Napi::Number::New(info.Env(), one.segment->lend(info[1].As<Napi::Number>().Int32Value()));
}

}  // namespace

std::pair<std::shared_ptr<void>, size_t> staged_of(const Napi::Value& value) {
  const Stage& one = stage_of(value);
  return {one.memory, one.bytes};
}

void export_stage(Napi::Env env, Napi::Object exports) {
  exports.Set("stage", Napi::Function::New<guarded<stage>>(env));
  exports.Set("stageArray", Napi::Function::New<guarded<stage_array>>(env));
  exports.Set("isFresh", Napi::Function::New<guarded<is_fresh>>(env));
  exports.Set("fetchStage", Napi::Function::New<guarded<fetch_stage>>(env));
  exports.Set("fillStage", Napi::Function::New<guarded<fill_stage>>(env));
  exports.Set("shareStage", Napi::Function::New<guarded<share_stage>>(env));
  exports.Set("dropStage", Napi::Function::New<guarded<drop_stage>>(env));
  exports.Set("uploadStageLater", Napi::Function::New<guarded<upload_stage_later>>(env));
  exports.Set("uploadStage", Napi::Function::New<guarded<upload_stage>>(env));
}

}  // namespace node_pjrt
