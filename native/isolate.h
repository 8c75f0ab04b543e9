// A plugin in another process: the sockets and memory that two processes share, and transfers from and to that memory.
#pragma once

#include <napi.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace node_pjrt {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// A file without a name, in memory: it goes with the last descriptor or mapping of it, whatever becomes of the processes that have one.
int new_memory(size_t bytes);

// All of a file.
std::shared_ptr<void> mapped(int file);

// Another descriptor of a file.
int duplicate(int file);

void export_isolate(Napi::Env env, Napi::Object exports);

}  // namespace node_pjrt
