/** The one table of what can be installed: wheels of public registry packages, pinned by sha256, and what is kept of each. */
import { PluginError } from '../errors';

export type PluginName = 'cpu' | 'tpu';
export type SupplyName = PluginName | 'headers';

export interface Wheel {
  /** python-abi-platform, as in the file's name. pip is asked for it whatever Python it runs under: no Python code is used. */
  readonly tag: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Row {
  readonly package: string;
  readonly version: string;
  /** By Node's `process.arch`. */
  readonly wheels: Readonly<Record<string, Wheel>>;
  /** What is kept of the wheel: member -> file in the cache. */
  readonly files: Readonly<Record<string, string>>;
  /** The kept file that is the plugin. */
  readonly library?: string;
  /** The variable that names another library instead. */
  readonly variable?: string;
  /** The kept directory that a C++ compiler is given. */
  readonly include?: string;
}

const jaxlib = {
  tag: 'cp311-cp311-manylinux_2_27_x86_64',
  bytes: 80247963,
  sha256: '22f489fb5c8be0da7be5e4957a10936b3760a169668f8b25c5d09c51c3ef47f6',
};

export const rows: Readonly<Record<SupplyName, Row>> = {
  // XLA's FFI headers, API 0.2: the CPU plugin's. Those of 0.3 register with it and then silently fail. Headers are of no architecture.
  headers: {
    package: 'jaxlib',
    version: '0.8.1',
    wheels: { x64: jaxlib, arm64: jaxlib },
    files: {
      'jaxlib/include/xla/ffi/api/api.h': 'include/xla/ffi/api/api.h',
      'jaxlib/include/xla/ffi/api/c_api.h': 'include/xla/ffi/api/c_api.h',
      'jaxlib/include/xla/ffi/api/ffi.h': 'include/xla/ffi/api/ffi.h',
      'jaxlib-0.8.1.dist-info/licenses/LICENSE.txt': 'LICENSE.txt',
    },
    include: 'include',
  },
  cpu: {
    package: 'xla-cpu-pjrt',
    version: '0.0.1',
    wheels: {
      x64: {
        tag: 'py3-none-manylinux_2_27_x86_64',
        bytes: 63461052,
        sha256: '55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc',
      },
      arm64: {
        tag: 'py3-none-manylinux_2_27_aarch64',
        bytes: 49514947,
        sha256: '8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9',
      },
    },
    files: {
      'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so': 'xla_cpu_pjrt.so',
      'xla_plugins/xla_cpu_pjrt/include/pjrt_c_api.h': 'include/pjrt_c_api.h',
    },
    library: 'xla_cpu_pjrt.so',
    variable: 'PJRT_CPU_LIBRARY_PATH',
    include: 'include',
  },
  tpu: {
    package: 'libtpu',
    version: '0.0.52',
    wheels: {
      x64: {
        tag: 'cp311-cp311-manylinux_2_31_x86_64',
        bytes: 137064406,
        sha256: 'f5e2e596eaea9357fbb5a6755a7a9007c6ab75bfde4a55191b03eff402971140',
      },
    },
    files: {
      'libtpu/libtpu.so': 'libtpu.so',
      'libtpu/LICENSE': 'LICENSE',
      'libtpu/THIRD_PARTY_NOTICES.txt': 'THIRD_PARTY_NOTICES.txt',
    },
    library: 'libtpu.so',
    variable: 'TPU_LIBRARY_PATH',
  },
};

export const supplyNames = Object.keys(rows) as readonly SupplyName[];

/** Throws PluginError unless `name` is a row of the table. */
export function supplyName(name: string): SupplyName {
  if (Object.hasOwn(rows, name)) return name as SupplyName;
  throw new PluginError(`what can be installed is ${supplyNames.join(', ')}; got '${name}'`);
}

/** The wheel for a machine. Throws PluginError where the package has none. */
export function wheelOf(name: SupplyName, arch: string = process.arch): Wheel {
  const { package: title, version, wheels, variable } = rows[name];
  if (wheels[arch]) return wheels[arch];
  const instead = variable ? `; set ${variable} to a library of your own` : '';
  throw new PluginError(`${title} ${version} has no wheel for ${arch} (it has ${Object.keys(wheels).join(', ')})${instead}`);
}
