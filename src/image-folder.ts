/** The folder, beside synthesized templates, with what an image of that digest runs. */
export function imageFolder(digest: string): string {
  return `image.${digest.replace('sha256:', '')}`
}
