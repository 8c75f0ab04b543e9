{
  "targets": [
    {
      "target_name": "acme",
      "sources": ["axpy.cc", "negate.c"],
      "include_dirs": ["<!(node -p \"path.dirname(require.resolve('node-pjrt/package.json'))\")/include"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra"],
      "cflags_c": ["-std=c99", "-Wall", "-Wextra"]
    }
  ]
}
