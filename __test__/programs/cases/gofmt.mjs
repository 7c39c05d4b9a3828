// @wasm-fmt/gofmt: TinyGo with its garbage collector.

import { format } from '@wasm-fmt/gofmt';
import helpers from '../case.js';

const { print, message, run } = helpers;

run(async () => {
  let all = '';
  for (let i = 0; i < 25; i++) {
    let source = `package   p${i}\nimport (  "os";"fmt" )\n`;
    for (let k = 0; k < 25; k++) {
      source += `type  S${k} struct{ a,b int ; LongerName   map[string][]chan<- *S${k} \`tag:"x"\` ;f func( x,y int ,z ...any)(error) }
func (s   *S${k})M${k}(  v  int)(r int,err error){ defer func( ){ recover( ) }( ); for i:=0;i<v&&s!=nil;i+=${k + 1}{ switch  { case i%2==0 : r+=i<<${k % 8}; fallthrough
default: go fmt.Println("x" ,i , os.Args [ i ])
} } ;   return r,nil }
var   q${k} ,  w${k}   =  0X${k.toString(16)}+1E3  ,  [ ]int{ 1,2 ,3 }\n`;
    }
    all += format(source);
  }
  print('formatted', all);
  print('stable', format(all.slice(0, all.indexOf('package p1\n'))) === all.slice(0, all.indexOf('package p1\n')));
  print('sample', all.slice(0, 150));
  print(
    'error',
    message(() => format('package p\nfunc (')),
  );
});
