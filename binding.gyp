{
  # The addon, with node-gyp: build/Release/node_pjrt.node. CMakeLists.txt builds the same from the same list of sources.
  "targets": [
    {
      "target_name": "node_pjrt",
      "sources": ["<!@(sed s,^,native/, native/sources.txt)"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-O3", "-fvisibility=hidden", "-fexceptions", "-pthread", "<!@(node native/include-dirs.js)"],
      "libraries": ["-pthread", "-ldl"],
    }
  ]
}
