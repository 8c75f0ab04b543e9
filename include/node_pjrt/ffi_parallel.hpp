// Tasks on a plugin's threads: a part of ffi.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

namespace node_pjrt::ffi {

// The tasks of one call. Helpers may begin after the call has returned: they find no task left, and touch nothing else of it.
template <typename Task>
class Tasks {
 public:
  Tasks(int64_t count, const Task& task) : count_(count), task_(task) {}

  void work() {
    for (int64_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
      try {
        if (!failed_.load()) task_(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!failed_.exchange(true)) error_ = std::current_exception();
      }
      std::lock_guard<std::mutex> lock(mutex_);
      if (++done_ == count_) finished_.notify_all();
    }
  }

  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [this] { return done_ == count_; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const int64_t count_;
  const Task& task_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable finished_;
  int64_t done_ = 0;
  std::exception_ptr error_;
};

template <typename Task>
void Call::parallel(int64_t count, const Task& task) const {
  if (count <= 0) return;
  const auto succeeded = [this](NodePjrtError* error) {
    if (!error) return true;
    NodePjrtDestroyArgs destroy = {sizeof destroy, nullptr, error};
    raw_.api->destroy_error(&destroy);
    return false;
  };
  const auto tasks = std::make_shared<Tasks<Task>>(count, task);
  int64_t threads = 1;
  NodePjrtThreadsArgs ask = {sizeof ask, nullptr, raw_.context, &threads};
  if (!succeeded(raw_.api->count_threads(&ask))) threads = 1;
  for (int64_t i = 1; i < std::min(threads, count); i++) {
    auto helper = std::make_unique<std::shared_ptr<Tasks<Task>>>(tasks);
    const auto help = [](void* data) {
      const std::unique_ptr<std::shared_ptr<Tasks<Task>>> helper(static_cast<std::shared_ptr<Tasks<Task>>*>(data));
      (*helper)->work();
    };
    NodePjrtTaskArgs args = {sizeof args, nullptr, raw_.context, help, helper.get()};
    if (!succeeded(raw_.api->schedule(&args))) break;
    helper.release();
  }
  tasks->work();
  tasks->wait();
}

}  // namespace node_pjrt::ffi
