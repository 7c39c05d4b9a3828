/**
 * The script that `lib/script.js` has of the build, which gives the facade this object.
 * @type {{ load: (filename: string) => import('vm').Script | null, note: (name: string, text: string) => void }}
 *   load: the script, whose value makes a function of that name; null if there is none. note: takes the text of a function that
 *   it does not have.
 */
export default /** @type {any} */ (undefined);
