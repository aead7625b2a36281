// The smallest file system there is: whatever is asked of it, it says "Function not implemented".
#include "fusebox/fusebox.h"

int main(int argc, char** argv) { return fusebox::serve(fusebox::make<fusebox::Node>(), argc, argv); }
