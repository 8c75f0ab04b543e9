#include "trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// A JSON array, an event a line. An event is in the file once it is written: the process may end at any moment, and readers of the format take
// an array that has no end.
class TraceFile {
 public:
  explicit TraceFile(const std::string& path) : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file_ < 0) throw Error(PJRT_Error_Code_NOT_FOUND, "a trace is written to a file; " + path + ": " + std::strerror(errno));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    began = std::chrono::duration<double, std::milli>(now).count();
    put("[\n");
  }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile() {
    put("\n]\n");
    ::close(file_);
  }

  void write(const std::string& events) {
    std::lock_guard<std::mutex> lock(mutex_);
    put((any_ ? ",\n" : "") + events);
    any_ = true;
  }

  double began;  // milliseconds since 1970

 private:
  // A full disk loses events; there is nobody to tell.
  void put(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const ssize_t written = ::write(file_, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      done += static_cast<size_t>(written);
    }
  }

  int file_;
  std::mutex mutex_;
  bool any_ = false;
};

// A thread's use of a file. The first opens it anew, and the last ends it.
class TraceUse {
 public:
  explicit TraceUse(const std::string& path) : path_(path) {
    std::lock_guard<std::mutex> lock(mutex());
    Entry& entry = all()[path];
    if (!entry.file) entry.file = std::make_shared<TraceFile>(path);
    entry.uses++;
    file_ = entry.file;
  }
  ~TraceUse() { close(); }
  TraceUse(const TraceUse&) = delete;
  TraceUse& operator=(const TraceUse&) = delete;

  // Null once it is closed.
  TraceFile* file() const { return file_.get(); }

  void close() {
    if (!file_) return;
    std::lock_guard<std::mutex> lock(mutex());
    file_.reset();
    if (--all()[path_].uses == 0) all().erase(path_);
  }

 private:
  struct Entry {
    std::shared_ptr<TraceFile> file;
    int uses = 0;
  };
  // Never destroyed: a thread may end after the process's static destructors.
  static std::map<std::string, Entry>& all() {
    static auto& one = *new std::map<std::string, Entry>;
    return one;
  }
  static std::mutex& mutex() {
    static auto& one = *new std::mutex;
    return one;
  }

  std::string path_;
  std::shared_ptr<TraceFile> file_;
};

TraceUse& use_of(const Napi::Value& value) { return *value.As<Napi::External<TraceUse>>().Data(); }

// openTrace(path): [file, when it was opened, in milliseconds since 1970]
Napi::Value open_trace(Info info) {
  auto use = std::make_unique<TraceUse>(text_of(info[0]));
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(1u, use->file()->began);
  // A thread that ends closes what it had open.
  result.Set(0u, Napi::External<TraceUse>::New(info.Env(), use.get(), [](Napi::Env, TraceUse* use) { delete use; }));
  use.release();
  return result;
}

// writeTrace(file, events, with a comma between two)
Napi::Value write_trace(Info info) {
  if (TraceFile* file = use_of(info[0]).file()) file->write(text_of(info[1]));
  return info.Env().Undefined();
}

Napi::Value close_trace(Info info) {
  use_of(info[0]).close();
  return info.Env().Undefined();
}

}  // namespace

void export_trace(Napi::Env env, Napi::Object exports) {
  exports.Set("openTrace", Napi::Function::New<guarded<open_trace>>(env));
  exports.Set("writeTrace", Napi::Function::New<guarded<write_trace>>(env));
  exports.Set("closeTrace", Napi::Function::New<guarded<close_trace>>(env));
}

}  // namespace node_pjrt
