// mayfly: the command line for people and pipelines.
#include <sys/stat.h>

#include "cli/verbs.h"

int main(int argc, char** argv) {
    ::umask(077);
    mayfly::cli::Cli cli;
    return mayfly::cli::run(cli, argc, argv);
}
