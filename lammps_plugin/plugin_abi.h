// The C interface through which LAMMPS registers a plugin (https://docs.lammps.org/Developer_plugins.html), restated
// because installed sets of headers do not ship lammpsplugin.h.
#pragma once

extern "C" {
using plugin_factory1 = void *(void *);
using plugin_factory2 = void *(void *, int, char **);

struct plugin_info {
  const char *version, *style, *name, *info, *author;
  union {
    plugin_factory1 *v1;  // pair styles
    plugin_factory2 *v2;  // computes
  } creator;
  void *handle;
};

using plugin_register = void (*)(plugin_info *, void *);
}
