// What the CPU plugin itself keeps of clients that were closed: opened and closed by plain C++, with the resident memory after a tenth of them
// and at the end.   g++ -O2 -isystem INCLUDE bench/clients.cc -o clients -ldl && ./clients PLUGIN [times]
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pjrt_c_api.h"

namespace {

long resident_bytes() {
  long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) std::exit(2);
  std::fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

void check(PJRT_Error* error) {
  if (error) std::exit(3);
}

void open_and_close(const PJRT_Api* api) {
  static const char name[] = "cpu_device_count";
  PJRT_NamedValue devices{};
  devices.struct_size = PJRT_NamedValue_STRUCT_SIZE;
  devices.name = name;
  devices.name_size = std::strlen(name);
  devices.type = PJRT_NamedValue_kInt64;
  devices.int64_value = 1;
  devices.value_size = 1;
  PJRT_Client_Create_Args create{};
  create.struct_size = PJRT_Client_Create_Args_STRUCT_SIZE;
  create.create_options = &devices;
  create.num_options = 1;
  check(api->PJRT_Client_Create(&create));
  PJRT_Client_Destroy_Args destroy{};
  destroy.struct_size = PJRT_Client_Destroy_Args_STRUCT_SIZE;
  destroy.client = create.client;
  check(api->PJRT_Client_Destroy(&destroy));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s PLUGIN [times]\n", argv[0]), 2;
  setenv("TF_CPP_MIN_LOG_LEVEL", "3", 1);
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 2;
  const PJRT_Api* api = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(library, "GetPjrtApi"))();
  PJRT_Plugin_Initialize_Args initialize{};
  initialize.struct_size = PJRT_Plugin_Initialize_Args_STRUCT_SIZE;
  check(api->PJRT_Plugin_Initialize(&initialize));
  const int times = argc > 2 ? std::atoi(argv[2]) : 1000, warm = times / 10;
  for (int n = 0; n < warm; n++) open_and_close(api);
  const long before = resident_bytes();
  for (int n = warm; n < times; n++) open_and_close(api);
  const long after = resident_bytes();
  std::printf("%d clients: %.1f MiB after %d, %.1f at the end: %ld bytes each\n", times, before / 1048576.0, warm, after / 1048576.0,
              (after - before) / (times - warm));
}
